//! The binary `weft`. It only hands over to the library.

fn main() -> std::process::ExitCode {
    server::cmd::main()
}
