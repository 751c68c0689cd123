//! JSON bodies read as text. The feed and the data that a page brings along are read as text too: one reader of every type, not two,
//! is what the browser has to download.

use serde::{Serialize, de::DeserializeOwned};
use server_fn::{
    Bytes, ContentType, Decodes, Encodes, Format, FormatType,
    codec::{JsonEncoding, Post},
};

pub struct TextEncoding;

/// Arguments and answers of the server functions.
pub type Json = Post<TextEncoding>;

impl ContentType for TextEncoding {
    const CONTENT_TYPE: &'static str = JsonEncoding::CONTENT_TYPE;
}

impl FormatType for TextEncoding {
    const FORMAT_TYPE: Format = Format::Text;
}

impl<T: Serialize> Encodes<T> for TextEncoding {
    type Error = serde_json::Error;

    fn encode(output: &T) -> Result<Bytes, Self::Error> {
        <JsonEncoding as Encodes<T>>::encode(output)
    }
}

impl<T: DeserializeOwned> Decodes<T> for TextEncoding {
    type Error = serde_json::Error;

    fn decode(bytes: Bytes) -> Result<T, Self::Error> {
        let text = std::str::from_utf8(&bytes).map_err(serde::de::Error::custom)?;
        // Arguments come from anybody; answers come from the server.
        #[cfg(feature = "ssr")]
        workflow::json::parse(text, workflow::json::Bounds::BODY).map_err(serde::de::Error::custom)?;
        serde_json::from_str(text)
    }
}
