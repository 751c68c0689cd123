//! Tests of the decider. After every command the world checks what must always hold, so a test only says what it is about.

mod walk;
mod world;
