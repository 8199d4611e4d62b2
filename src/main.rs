//! The `corsuite` program; all of it is in [`corsuite::cli`].

fn main() -> std::process::ExitCode {
    corsuite::cli::main()
}
