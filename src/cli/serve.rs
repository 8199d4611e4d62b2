//! `corsuite serve`

use super::args::Serve;
use super::{Context, Exit, Failure, files, interrupted, print, runtime, tell};
use crate::serve::{bind, other, owner, reference, serve as answer};

pub(super) fn serve(arguments: &Serve, context: &Context) -> Result<Exit, Failure> {
    let dialect = files::dialect(&arguments.dialect.dialect, context)?;
    let owner = context.owner.clone().unwrap_or_else(owner);
    let other = context.other.clone().unwrap_or_else(other);
    let runtime = runtime()?;
    runtime.block_on(async {
        let listener = bind(arguments.listen)
            .await
            .map_err(|error| Failure::unknown(format!("{} cannot be listened on: {error}", arguments.listen)).help("choose another port with --listen; port 0 takes a free one"))?;
        let address = listener.local_addr().map_err(Failure::unknown)?;
        // Keys from the environment are not shown: whoever set them knows them.
        let keys = |prefix: &str, given: bool, key: &crate::sign::Credentials| {
            if given {
                return format!("# {prefix}OSS_ACCESS_KEY_ID is the one of the environment\n");
            }
            format!(
                "export {prefix}OSS_ACCESS_KEY_ID={}\nexport {prefix}OSS_ACCESS_KEY_SECRET={}\n",
                key.access_key_id, key.access_key_secret
            )
        };
        print(&format!(
            "# {} reference server on http://{address}\n# buckets in the path, or in the host under localhost\n{}{}# corsuite run --endpoint http://{address}\n",
            dialect.title,
            keys("", context.owner.is_some(), &owner),
            keys("CORSUITE_OTHER_", context.other.is_some(), &other),
        ))?;
        if !address.ip().is_loopback() {
            tell("note: this address can be reached from other machines, and the keys are no secret\n");
        }
        answer(listener, reference(&dialect, owner, other), interrupted()).await;
        Ok(Exit::Yes)
    })
}
