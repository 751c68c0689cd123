//! The agents through their public face, against real sockets: what is sent, what comes back, and which class each failure has.

mod http;
mod llm;
mod support;
