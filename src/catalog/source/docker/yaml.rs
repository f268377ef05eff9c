//! A `server.yaml` as it is written. Keys that are not named here are passed over; the verbatim record keeps them.
//!
//! Scalars are read as text wherever they become values: `1.10`, `012` and `yes` arrive as their author wrote them.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::catalog::text::Line;

/// The whole file.
#[derive(Debug, Deserialize)]
pub(super) struct Record {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) image: Option<String>,
    #[serde(default)]
    pub(super) about: About,
    #[serde(default)]
    pub(super) meta: Meta,
    pub(super) source: Option<Source>,
    #[serde(default)]
    pub(super) run: Option<Run>,
    #[serde(default)]
    pub(super) config: Option<Config>,
    pub(super) remote: Option<Remote>,
    #[serde(default)]
    pub(super) oauth: Vec<Oauth>,
    /// Another server that this one needs.
    pub(super) requirement: Option<Line>,
    /// The tools of the type `poci`, each a container run of its own.
    #[serde(default)]
    pub(super) tools: Vec<PerCallTool>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct About {
    pub(super) title: Option<Line>,
    pub(super) description: Option<Line>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Meta {
    pub(super) category: Option<String>,
    #[serde(default)]
    pub(super) tags: Option<Vec<Option<String>>>,
    /// How often the image was pulled, as Docker's own catalog has it.
    #[serde(default)]
    pub(super) pulls: Option<u64>,
    #[serde(default)]
    pub(super) stars: Option<u64>,
    #[serde(default, rename = "githubStars")]
    pub(super) github_stars: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Source {
    pub(super) project: Option<Line>,
    pub(super) branch: Option<Line>,
    pub(super) commit: Option<Line>,
    pub(super) directory: Option<Line>,
    pub(super) dockerfile: Option<Line>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Run {
    #[serde(default)]
    pub(super) command: Option<Vec<String>>,
    #[serde(default)]
    pub(super) volumes: Option<Vec<String>>,
    #[serde(default)]
    pub(super) env: Option<BTreeMap<String, Option<String>>>,
    pub(super) user: Option<String>,
    #[serde(default)]
    pub(super) disable_network: Option<bool>,
    #[serde(default)]
    pub(super) allow_hosts: Option<Vec<String>>,
    pub(super) ports: Option<IgnoredAny>,
}

/// What the user configures. The schema of the parameters stands under `parameters`, or by mistake right here.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Config {
    #[serde(default)]
    pub(super) secrets: Option<Vec<Secret>>,
    #[serde(default)]
    pub(super) env: Option<Vec<Env>>,
    pub(super) parameters: Option<Schema>,
    pub(super) properties: Option<Ordered<Schema>>,
    #[serde(default)]
    pub(super) required: Option<Names>,
    pub(super) volumes: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Secret {
    pub(super) name: String,
    pub(super) env: Option<String>,
    pub(super) example: Option<Line>,
    pub(super) description: Option<Line>,
    pub(super) required: Option<bool>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Env {
    pub(super) name: String,
    /// The variable's real name, where `name` is that of an input.
    #[serde(rename = "env")]
    pub(super) real_name: Option<String>,
    pub(super) value: Option<String>,
    pub(super) example: Option<Line>,
    pub(super) description: Option<Line>,
    pub(super) default: Option<String>,
    pub(super) required: Option<bool>,
}

/// The part of JSON Schema that parameters use.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Schema {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) title: Option<Line>,
    pub(super) description: Option<Line>,
    pub(super) default: Option<Scalars>,
    pub(super) example: Option<Scalars>,
    #[serde(rename = "enum")]
    pub(super) choices: Option<Vec<Option<String>>>,
    pub(super) pattern: Option<String>,
    pub(super) items: Option<Box<Schema>>,
    pub(super) properties: Option<Ordered<Schema>>,
    pub(super) required: Option<Names>,
    pub(super) any_of: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Remote {
    pub(super) transport_type: Option<String>,
    pub(super) url: String,
    #[serde(default)]
    pub(super) headers: Option<BTreeMap<String, Option<String>>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Oauth {
    #[serde(rename = "provider")]
    _provider: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
pub(super) struct PerCallTool {
    pub(super) name: Line,
    pub(super) description: Option<Line>,
    #[serde(default)]
    pub(super) parameters: serde_json::Map<String, serde_json::Value>,
    pub(super) container: Option<Container>,
}

/// What a call of such a tool runs.
#[derive(Debug, Deserialize)]
pub(super) struct Container {
    pub(super) image: String,
    #[serde(default)]
    pub(super) command: Vec<String>,
    #[serde(default)]
    pub(super) volumes: Vec<String>,
}

/// One scalar or a list of them, as text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Scalars {
    One(String),
    Many(Vec<String>),
}

/// The names under `required`: a list; a single `true` or `false`, which belongs elsewhere, names nothing.
#[derive(Debug, Default)]
pub(super) struct Names(pub(super) Vec<String>);

/// A map in the order of the file.
#[derive(Debug)]
pub(super) struct Ordered<V>(pub(super) Vec<(String, V)>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Ordered<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs<V>(std::marker::PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for Pairs<V> {
            type Value = Ordered<V>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Ordered(pairs))
            }
        }
        deserializer.deserialize_map(Pairs(std::marker::PhantomData))
    }
}

impl<'de> Deserialize<'de> for Scalars {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Scalars;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value or a list of values")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Scalars, E> {
                Ok(Scalars::One(text.to_owned()))
            }
            fn visit_bool<E: Error>(self, value: bool) -> Result<Scalars, E> {
                Ok(Scalars::One(value.to_string()))
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<Scalars, E> {
                Ok(Scalars::One(value.to_string()))
            }
            fn visit_u64<E: Error>(self, value: u64) -> Result<Scalars, E> {
                Ok(Scalars::One(value.to_string()))
            }
            fn visit_f64<E: Error>(self, value: f64) -> Result<Scalars, E> {
                Ok(Scalars::One(value.to_string()))
            }
            fn visit_unit<E: Error>(self) -> Result<Scalars, E> {
                Ok(Scalars::Many(Vec::new()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Scalars, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = items.next_element::<Option<String>>()? {
                    texts.extend(text);
                }
                Ok(Scalars::Many(texts))
            }
            /// An object is no value that an input could have; it counts as none.
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalars, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Scalars::Many(Vec::new()))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Scalars::deserialize(deserializer)? {
            Scalars::One(_) => Self::default(),
            Scalars::Many(names) => Self(names),
        })
    }
}
