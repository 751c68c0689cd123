//! The properties of an object, in their author's order: forms, tables and prompts follow it, and a model writes them in it.
//! Two that differ in order are not equal, so that an editor notices; what they mean is compared by hash.

use std::ops::{Deref, DerefMut};

use indexmap::IndexMap;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
};

use super::Schema;

#[derive(Clone, Debug, Default)]
pub struct Properties(IndexMap<String, Schema>);

impl Properties {
    /// serde wants a path, and finds no method by way of `Deref`.
    pub(super) fn is_none(&self) -> bool {
        self.0.is_empty()
    }
}

impl Deref for Properties {
    type Target = IndexMap<String, Schema>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Properties {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl PartialEq for Properties {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.0.iter().eq(other.0.iter())
    }
}

impl FromIterator<(String, Schema)> for Properties {
    fn from_iter<I: IntoIterator<Item = (String, Schema)>>(properties: I) -> Self {
        Self(properties.into_iter().collect())
    }
}

impl<'a> IntoIterator for &'a Properties {
    type Item = (&'a String, &'a Schema);
    type IntoIter = indexmap::map::Iter<'a, String, Schema>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl Serialize for Properties {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(&self.0)
    }
}

impl<'de> Deserialize<'de> for Properties {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Properties;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of schemas")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Properties, A::Error> {
                let mut properties = Properties::default();
                while let Some((name, schema)) = map.next_entry()? {
                    properties.0.insert(name, schema);
                }
                Ok(properties)
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}
