//! Secrets as admins see them: by name, where they may be sent, by whom they may be used. Nobody is told a value.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;

use crate::{
    id::{AgentId, SecretName},
    secret::Hidden,
};

/// All that anybody is told of a secret.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SecretView {
    pub name: SecretName,
    pub description: String,
    /// Where it may be sent.
    pub hosts: Vec<String>,
    /// The agents that may use it.
    pub agents: Vec<AgentId>,
    /// Which key its value was encrypted with.
    pub key_id: String,
    /// Whether this server has that key.
    pub is_readable: bool,
    /// Who gave the value; absent for the operator.
    pub set_by: Option<String>,
    pub set_at: DateTime<Utc>,
    /// To the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A value, and where it may go from now on. Who widens that has to know the value.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SetSecret {
    pub value: Hidden,
    pub hosts: Vec<String>,
    #[cfg_attr(feature = "openapi", schema(required = false))]
    pub description: String,
    /// Absent: whoever may use it now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agents: Option<Vec<AgentId>>,
}

/// The agents that may use a secret from now on, and no others.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GrantSecret {
    pub agents: Vec<AgentId>,
    /// Those that may use it as far as whoever asks knows: if they are others by now, nothing is changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Vec<AgentId>>,
}

/// By hand: serde's own words repeat what was given, and whoever mixes up the fields, or sends the value alone, has put it there.
impl<'de> Deserialize<'de> for SetSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Not as a struct: some readers refuse what is none by themselves, and repeat it.
        deserializer.deserialize_any(Fields)
    }
}

const NO_OBJECT: &str = "it is an object with `value` and `hosts`";
const NO_SUCH_FIELD: &str = "it has a field that is not known: there are `value`, `hosts`, `description` and `agents`";

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = SetSecret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with `value` and `hosts`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SetSecret, A::Error> {
        let (mut value, mut hosts, mut description, mut agents) = (None, None, String::new(), None);
        while let Some(field) = map.next_key::<String>()? {
            match field.as_str() {
                "value" => value = Some(map.next_value::<Hidden>()?),
                "hosts" => hosts = Some(map.next_value::<Quiet<Vec<String>>>()?.0),
                "description" => description = map.next_value::<Quiet<String>>()?.0,
                "agents" => agents = map.next_value::<Quiet<Option<Vec<String>>>>()?.0,
                _ => return Err(A::Error::custom(NO_SUCH_FIELD)),
            }
        }
        let value = value.ok_or_else(|| A::Error::missing_field("value"))?;
        let hosts = hosts.ok_or_else(|| A::Error::missing_field("hosts"))?;
        let agents = agents.map(|agents| agents.into_iter().map(AgentId::new).collect());
        Ok(SetSecret { value, hosts, description, agents })
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<SetSecret, E> {
        Err(E::custom(NO_OBJECT))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<SetSecret, E> {
        Err(E::custom(NO_OBJECT))
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<SetSecret, E> {
        Err(E::custom(NO_OBJECT))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<SetSecret, E> {
        Err(E::custom(NO_OBJECT))
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<SetSecret, E> {
        Err(E::custom(NO_OBJECT))
    }

    fn visit_unit<E: Error>(self) -> Result<SetSecret, E> {
        Err(E::custom(NO_OBJECT))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<SetSecret, A::Error> {
        Err(A::Error::custom(NO_OBJECT))
    }
}

/// Refused in words of its own.
struct Quiet<T>(T);

trait Plain: Sized {
    const WANTED: &'static str;

    fn of(value: Value) -> Option<Self>;
}

impl Plain for String {
    const WANTED: &'static str = "it is a text";

    fn of(value: Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }
}

impl Plain for Vec<String> {
    const WANTED: &'static str = "it is a list of texts";

    fn of(value: Value) -> Option<Self> {
        match value {
            Value::Array(items) => items.into_iter().map(String::of).collect(),
            _ => None,
        }
    }
}

impl Plain for Option<Vec<String>> {
    const WANTED: &'static str = Vec::<String>::WANTED;

    fn of(value: Value) -> Option<Self> {
        if value.is_null() { Some(None) } else { Vec::<String>::of(value).map(Some) }
    }
}

impl<'de, T: Plain> Deserialize<'de> for Quiet<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::of(Value::deserialize(deserializer)?).map(Self).ok_or_else(|| D::Error::custom(T::WANTED))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_sent_in_the_wrong_shape_is_refused_without_repeating_it() {
        for wrong in [
            json!("c4n4ry"),
            json!(["c4n4ry"]),
            json!(77_777_777),
            json!({"c4n4ry": "c4n4ry"}),
            json!({"value": "c4n4ry", "hosts": "c4n4ry"}),
            json!({"value": ["c4n4ry"], "hosts": []}),
            json!({"value": "c4n4ry", "hosts": [77_777_777]}),
            json!({"value": "c4n4ry", "hosts": [], "description": ["c4n4ry"]}),
            json!({"value": "c4n4ry", "hosts": [], "agents": "c4n4ry"}),
            json!({"value": "c4n4ry"}),
        ] {
            for error in [
                serde_json::from_str::<SetSecret>(&wrong.to_string()),
                serde_json::from_value::<SetSecret>(wrong.clone()),
            ] {
                let told = error.unwrap_err().to_string();
                assert!(!told.contains("c4n4ry") && !told.contains("77777777"), "{told}");
            }
        }
        let sound = SetSecret {
            value: Hidden("c4n4ry".to_owned()),
            hosts: vec!["a.example".to_owned()],
            description: "x".to_owned(),
            agents: Some(vec!["a".into()]),
        };
        let text = serde_json::to_string(&sound).unwrap();
        assert_eq!(serde_json::from_str::<SetSecret>(&text).unwrap(), sound);
        let least = r#"{"value": "c4n4ry", "hosts": [], "agents": null}"#;
        assert_eq!(serde_json::from_str::<SetSecret>(least).unwrap().agents, None);
    }
}
