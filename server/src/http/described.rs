//! What is told of each route beside what it does: what its handler takes and gives, by its types, and what the table of routes adds.
//! Must never know the routes themselves: their table is made with this.

mod answer;
mod endpoint;
mod part;
mod told;

pub(super) use endpoint::Endpoint;
pub(super) use told::{Answer, Content, Kind, Named, Shape, Told};
