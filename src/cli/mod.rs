//! The command line: [`main`] reads arguments and environment and hands over to one file a command.
//!
//! Standard output carries what was asked for, standard error what happens meanwhile.
#![expect(clippy::disallowed_methods, reason = "shell: the only place that reads environment and files")]

mod args;
mod audit;
mod baseline;
mod certify;
mod check;
mod cleanup;
mod compare;
mod doctor;
mod explain;
mod files;
mod fingerprint;
mod fuzz;
mod list;
mod merge;
mod merge_reports;
mod mutants;
mod run;
mod screen;
mod serve;
mod sign;
mod target;
mod verify;

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use self::args::{Arguments, Command};
use crate::diagnostic::{Diagnostic, Style, render};
use crate::sign::Credentials;

/// What the exit code says; the numbers are part of the interface.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
#[expect(clippy::exhaustive_enums, reason = "part of the interface")]
pub enum Exit {
    /// The answer is yes.
    Yes = 0,
    /// The answer is no: a broken or unsupported `must`, with `--strict` also a broken `should`.
    No = 1,
    /// The command line or a case file is wrong, or a selector matches nothing.
    Usage = 2,
    /// It could not be found out.
    Unknown = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// What ends a command early: text for standard error, and the exit code.
#[derive(Debug)]
struct Failure {
    exit: Exit,
    text: String,
}

impl Failure {
    fn new(exit: Exit, message: impl std::fmt::Display) -> Self {
        Self { exit, text: format!("error: {message}\n") }
    }

    fn usage(message: impl std::fmt::Display) -> Self {
        Self::new(Exit::Usage, message)
    }

    fn unknown(message: impl std::fmt::Display) -> Self {
        Self::new(Exit::Unknown, message)
    }

    fn help(mut self, help: impl std::fmt::Display) -> Self {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "help: {help}");
        self
    }

    fn diagnostics(found: &[Diagnostic], context: &Context) -> Self {
        Self { exit: Exit::Usage, text: render(found, context.error_style) }
    }
}

/// What the outside world is like, read once.
#[derive(Debug)]
struct Context {
    oss: Keys,
    aws: Keys,
    state_folder: Option<std::path::PathBuf>,
    output_style: Style,
    error_style: Style,
    /// Whether standard error is a terminal, so that progress can be shown in place.
    interactive: bool,
}

/// The access keys of the environment.
#[derive(Debug)]
struct Keys {
    owner: Option<Credentials>,
    other: Option<Credentials>,
}

impl Context {
    /// The keys for a kind of signature.
    const fn keys(&self, auth: args::Auth) -> &Keys {
        match auth {
            args::Auth::AwsV4 => &self.aws,
            args::Auth::V1 | args::Auth::V4 | args::Auth::Anonymous => &self.oss,
        }
    }

    fn read() -> Result<Self, Failure> {
        let text = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        // A header field cannot carry a line break, and without the field requests would go unsigned.
        for name in [target::OSS.id, target::OSS.token, target::AWS.id, target::AWS.token] {
            for prefix in ["", "CORSUITE_OTHER_"] {
                let name = format!("{prefix}{name}");
                if text(&name).is_some_and(|value| http::HeaderValue::from_str(&value).is_err()) {
                    return Err(Failure::usage(format!("{name} holds a character that no header can carry"))
                        .help("perhaps a line break at its end"));
                }
            }
        }
        let credentials = |variables: target::Variables, prefix: &str| {
            Some(Credentials {
                access_key_id: text(&format!("{prefix}{}", variables.id))?,
                access_key_secret: text(&format!("{prefix}{}", variables.secret))?,
                security_token: text(&format!("{prefix}{}", variables.token)),
            })
        };
        let keys =
            |variables| Keys { owner: credentials(variables, ""), other: credentials(variables, "CORSUITE_OTHER_") };
        let state = text("XDG_STATE_HOME").map(std::path::PathBuf::from);
        let home =
            text("HOME").or_else(|| text("USERPROFILE")).map(|home| std::path::Path::new(&home).join(".local/state"));
        let style = |choice: anstream::ColorChoice| match choice {
            anstream::ColorChoice::Never => Style::Plain,
            _ => Style::Coloured,
        };
        Ok(Self {
            oss: keys(target::OSS),
            aws: keys(target::AWS),
            state_folder: state.or(home).map(|folder| folder.join("corsuite")),
            output_style: style(anstream::AutoStream::choice(&io::stdout())),
            error_style: style(anstream::AutoStream::choice(&io::stderr())),
            interactive: io::stderr().is_terminal(),
        })
    }
}

/// Runs the command line and gives the exit code.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Yes };
            // Nothing is left to be told if even this cannot be written.
            drop(error.print());
            return exit.into();
        }
    };
    let context = match Context::read() {
        Ok(context) => context,
        Err(failure) => {
            tell(&failure.text);
            return failure.exit.into();
        }
    };
    let result = match arguments.command {
        Command::Run(arguments) => run::run(&arguments, &context),
        Command::Fuzz(arguments) => fuzz::fuzz(&arguments, &context),
        Command::Merge(arguments) => merge::merge(&arguments, &context),
        Command::Baseline(arguments) => baseline::baseline(&arguments, &context),
        Command::Doctor(arguments) => doctor::doctor(&arguments, &context),
        Command::Compare(arguments) => compare::compare(&arguments, &context),
        Command::Fingerprint(arguments) => fingerprint::fingerprint(&arguments, &context),
        Command::MergeReports(arguments) => merge_reports::merge_reports(&arguments, &context),
        Command::Certify(arguments) => certify::certify(&arguments, &context),
        Command::Verify(arguments) => verify::verify(&arguments, &context),
        Command::Audit(arguments) => audit::audit(&arguments, &context),
        Command::Serve(arguments) => serve::serve(&arguments, &context),
        Command::Explain(arguments) => explain::explain(&arguments, &context),
        Command::Check(arguments) => check::check(&arguments, &context),
        Command::List(arguments) => list::list(&arguments, &context),
        Command::Mutants(arguments) => mutants::mutants(&arguments, &context),
        Command::Cleanup(arguments) => cleanup::cleanup(&arguments, &context),
        Command::Sign(arguments) => sign::sign(&arguments, &context),
        Command::Completions(arguments) => {
            let mut text = Vec::new();
            clap_complete::generate(arguments.shell, &mut Arguments::command(), "corsuite", &mut text);
            print(&String::from_utf8_lossy(&text)).map(|()| Exit::Yes)
        }
    };
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => {
            tell(&failure.text);
            failure.exit.into()
        }
    }
}

/// Writes to standard output. A reader that has gone away is not an error.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::unknown(format!("standard output cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes to standard error; if that fails, there is nobody to tell.
fn tell(text: &str) {
    drop(anstream::stderr().write_all(text.as_bytes()));
}

/// The runtime of commands that talk to a network.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let built = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    built.map_err(|error| Failure::unknown(format!("no runtime: {error}")))
}

/// Returns at the first Ctrl-C or SIGTERM.
async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    drop(tokio::signal::ctrl_c().await);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn help() {
        let mut text = String::new();
        let mut command = Arguments::command().term_width(100);
        text.push_str(&command.render_long_help().to_string());
        for name in [
            "run",
            "fuzz",
            "merge",
            "baseline",
            "merge-reports",
            "compare",
            "doctor",
            "fingerprint",
            "certify",
            "verify",
            "serve",
            "mutants",
            "explain",
            "check",
            "list",
            "cleanup",
            "sign",
            "completions",
        ] {
            let sub = command.find_subcommand_mut(name).unwrap();
            let help = sub.clone().term_width(100).render_help().to_string();
            text.extend(["\n---- ", name, "\n\n", &help]);
        }
        crate::assert_snapshot!("help", text);
    }
}
