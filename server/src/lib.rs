//! The server behind the binary `weft`: configuration, the embedded Postgres, the web server and the commands.
//! A library so that the integration tests start it in process; no rule of the domain and no SQL may stand here.

pub mod accept;
mod bucket;
pub mod cmd;
pub mod config;
pub mod database;
pub mod http;
pub mod live;
pub mod local_model;
pub mod metrics;
pub mod office;
pub mod postgres;
pub mod privileges;
pub mod providers;
pub mod seed;
pub mod telemetry;
pub mod traces;
pub mod witness;
