//! Tests of the decider. After every command the world checks what must always hold, so a test only says what it is about.

mod branches;
mod delegation;
mod engine;
mod gate;
mod gates;
mod glance;
mod page;
mod parts;
mod repeats;
mod replay;
mod runs;
mod table;
mod walk;
mod world;
