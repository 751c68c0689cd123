//! The agents through their public face, against real sockets: what is sent, what comes back, and which class each failure has.

#[cfg(test)]
mod bombs;
#[cfg(test)]
mod http;
#[cfg(test)]
mod human;
#[cfg(test)]
mod llm;
#[cfg(test)]
mod llm_ends;
#[cfg(test)]
mod llm_refusals;
#[cfg(test)]
mod llm_reports;
#[cfg(test)]
mod llm_requests;
#[cfg(test)]
mod llm_streams;
#[cfg(test)]
mod llm_usage;
#[cfg(test)]
mod llm_whole;
#[cfg(test)]
mod llm_wire;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod support;
#[cfg(test)]
mod template;
