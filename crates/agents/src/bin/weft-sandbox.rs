//! The sandbox's child as a program of its own, for tests of this crate; the product's is `weft sandbox`.
//! It must hold nothing but the hand-over.

fn main() -> std::process::ExitCode {
    agents::sandbox_main()
}
