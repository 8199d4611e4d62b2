//! `corsuite serve`

use super::args::{Auth, Serve, USUAL_DIALECT};
use super::{Context, Exit, Failure, files, interrupted, print, runtime, tell};
use crate::dialect::Dialect;
use crate::implementation::Embedded;
use crate::reference::controls::{Control, Manner};
use crate::reference::faults::{Faulty, faults, find};
use crate::reference::lenient::Lenient;
use crate::reference::{Options, Reference};
use crate::serve::{bind, options, other, owner, serve as answer};

pub(super) fn serve(arguments: &Serve, context: &Context) -> Result<Exit, Failure> {
    let dialect = files::dialect(&arguments.dialect.dialect, context)?;
    let auth = Auth::of(None, &dialect);
    let (given, variables) = (context.keys(auth), auth.variables());
    let owner = given.owner.clone().unwrap_or_else(owner);
    let other = given.other.clone().unwrap_or_else(other);
    let responder = chosen(arguments, &dialect)?;
    let runtime = runtime()?;
    runtime.block_on(async {
        let listener = bind(arguments.listen)
            .await
            .map_err(|error| Failure::unknown(format!("{} cannot be listened on: {error}", arguments.listen)).help("choose another port with --listen; port 0 takes a free one"))?;
        let address = listener.local_addr().map_err(Failure::unknown)?;
        // Keys from the environment are not shown: whoever set them knows them.
        let keys = |prefix: &str, given: bool, key: &crate::sign::Credentials| {
            if given {
                return format!("# {prefix}{} is the one of the environment\n", variables.id);
            }
            format!(
                "export {prefix}{}={}\nexport {prefix}{}={}\n",
                variables.id, key.access_key_id, variables.secret, key.access_key_secret
            )
        };
        print(&format!(
            "# {} reference server on http://{address}\n{}# buckets in the path, or in the host under localhost\n{}{}# corsuite run{} --endpoint http://{address}\n",
            dialect.title,
            manner(arguments),
            keys("", given.owner.is_some(), &owner),
            keys("CORSUITE_OTHER_", given.other.is_some(), &other),
            if arguments.dialect.dialect == USUAL_DIALECT { String::new() } else { format!(" --dialect {}", arguments.dialect.dialect) },
        ))?;
        if !address.ip().is_loopback() {
            tell("note: this address can be reached from other machines, and the keys are no secret\n");
        }
        answer(listener, responder(options(&dialect, owner, other)), interrupted()).await;
        Ok(Exit::Yes)
    })
}

/// A line that says how the server differs from the reference.
fn manner(arguments: &Serve) -> String {
    let fault = arguments.fault.as_deref().and_then(find);
    let control = arguments.control.as_deref().and_then(Manner::parse);
    match (fault, control, arguments.lenient) {
        (Some(fault), ..) => format!("# with fault {} ({}): {}\n", fault.id, fault.clause, fault.text),
        (_, Some(manner), _) => format!("# {} to preflights and requests with an Origin\n", manner.text()),
        (.., Some(seed)) => format!("# right in another way, seed {seed}\n"),
        _ => String::new(),
    }
}

/// The reference, or what the arguments put around it.
fn chosen(arguments: &Serve, dialect: &Dialect) -> Result<Box<dyn FnOnce(Options) -> Embedded>, Failure> {
    let unknown = |what: &str, name: &str, known: &mut dyn Iterator<Item = &'static str>, all: &str| {
        let near = crate::diagnostic::closest(name, known).map(|near| format!("did you mean `{near}`? "));
        Failure::usage(format!("no {what} `{}`", crate::diagnostic::visible(name)))
            .help(format!("{}{all}", near.unwrap_or_default()))
    };
    if let Some(id) = &arguments.fault {
        let fault = find(id).ok_or_else(|| {
            unknown("fault", id, &mut faults().map(|fault| fault.id), "`corsuite list --faults` shows them all")
        })?;
        return Ok(Box::new(move |options| Embedded::new(Faulty::new(options, fault))));
    }
    if let Some(name) = &arguments.control {
        let names = &mut Manner::ALL.into_iter().map(Manner::as_str);
        let all = format!("there are `{}`", Manner::ALL.map(Manner::as_str).join("`, `"));
        let manner = Manner::parse(name).ok_or_else(|| unknown("control", name, names, &all))?;
        return Ok(Box::new(move |options| Embedded::new(Control::new(Reference::new(options), manner))));
    }
    if let Some(seed) = arguments.lenient {
        let dialect = dialect.clone();
        return Ok(Box::new(move |options| Embedded::new(Lenient::new(options, &dialect, seed))));
    }
    Ok(Box::new(|options| Embedded::new(Reference::new(options))))
}
