//! The `corsuite` program; all of it is in [`corsuite::cli`].

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    corsuite::cli::main()
}
