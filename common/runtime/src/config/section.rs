//! One declaration per section, from which everything else comes: the raw and the resolved struct, the known keys, the
//! parser, the example file and the reference page.
//!
//! `field: Type = default;` always has a value. `field: Type;` may be unset, and says by attributes what that means
//! (`unset`), what it might be (`example`), or that it must be given (`required`). `elsewhere` keeps a key out of the
//! subtables of `[[tables]]` and says why.

use toml_edit::Item;

use super::value::Reader;

/// A key as the reference and the parser know it.
#[derive(Debug, Clone, Default)]
pub(super) struct Key {
    /// Its name within the section.
    pub(super) name: &'static str,
    /// Its reference text, one line per source line.
    pub(super) doc: &'static [&'static str],
    /// What values it takes.
    pub(super) kind: String,
    /// Its default as TOML; empty where it has none.
    pub(super) default: String,
    /// What holds while it is unset.
    pub(super) unset: &'static str,
    /// A value as TOML, for keys without a default.
    pub(super) example: &'static str,
    /// True where the example file must set it.
    pub(super) required: bool,
    /// Why a table cannot override it in a subtable of its own; empty where it can.
    pub(super) elsewhere: &'static str,
}

/// Where a value comes from while it is being read.
pub(super) enum Input<'a> {
    /// The configuration file.
    Item(&'a Item),
    /// An environment variable or a flag; with the name of an entry where the key is a table.
    Text {
        /// The text.
        text: &'a str,
        /// The entry within the key.
        entry: Option<&'a str>,
    },
}

/// What every raw section can do.
pub(super) trait Section: Clone + Default {
    /// Its name in the file; empty for the top level.
    const NAME: &'static str;
    /// Its reference text.
    const DOC: &'static [&'static str];

    /// Its keys, in the order of the reference.
    fn keys() -> Vec<Key>;

    /// Reads one key; false when there is no such key. Problems go to the reader.
    fn set(&mut self, name: &str, input: &Input<'_>, reader: &mut Reader<'_>) -> bool;

    /// This section over one of lower precedence, key by key.
    fn over(self, base: &Self) -> Self;
}

/// Reads `input` as `T`; what is wrong goes to the reader.
pub(super) fn read<T: super::value::ConfigValue>(input: &Input<'_>, reader: &mut Reader<'_>) -> Option<T> {
    let result = match input {
        Input::Item(item) => return T::from_item(item, reader),
        Input::Text { text, entry: None } => T::from_text(text),
        Input::Text { text, entry: Some(name) } => T::from_entry(name, text, reader)
            .unwrap_or_else(|| Err(format!("has no entry {name:?}: it is not a table"))),
    };
    result.map_err(|message| reader.problem(message)).ok()
}

macro_rules! section {
    (@resolved $type:ty) => { Option<Sourced<$type>> };
    (@resolved $type:ty, $default:expr) => { Sourced<$type> };
    (@resolve $section:expr, $field:ident, $value:expr) => { $value };
    (@resolve $section:expr, $field:ident, $value:expr, $default:expr) => {
        $value.unwrap_or_else(|| Sourced {
            value: $default,
            key: full_key($section, stringify!($field)),
            place: Place::Nowhere,
        })
    };
    (@default $type:ty) => { String::new() };
    (@default $type:ty, $default:expr) => { <$type as ConfigValue>::to_toml(&$default) };
    (
        $(#[doc = $section_doc:literal])+
        $section:literal $raw:ident $resolved:ident {
            $(
                $(#[doc = $doc:literal])+
                $field:ident : $type:ty $(= $default:expr)? $(, $attribute:ident $value:literal)* ;
            )+
        }
    ) => {
        $(#[doc = $section_doc])+
        ///
        /// Raw: as given, each key optional.
        #[derive(Debug, Clone, Default)]
        pub(super) struct $raw {
            $($(#[doc = $doc])+ pub(super) $field: Option<Sourced<$type>>,)+
        }

        $(#[doc = $section_doc])+
        ///
        /// Resolved: keys with a default have a value.
        #[derive(Debug, Clone)]
        pub(super) struct $resolved {
            $($(#[doc = $doc])+ pub(super) $field: section!(@resolved $type $(, $default)?),)+
        }

        impl From<$raw> for $resolved {
            fn from(raw: $raw) -> Self {
                Self { $($field: section!(@resolve $section, $field, raw.$field $(, $default)?),)+ }
            }
        }

        impl Section for $raw {
            const NAME: &'static str = $section;
            const DOC: &'static [&'static str] = &[$($section_doc),+];

            fn keys() -> Vec<Key> {
                vec![$(Key {
                    name: key_name(stringify!($field)),
                    doc: &[$($doc),+],
                    kind: <$type as ConfigValue>::kind(),
                    default: section!(@default $type $(, $default)?),
                    $($attribute: $value,)*
                    ..Key::default()
                },)+]
            }

            fn set(&mut self, name: &str, input: &Input<'_>, reader: &mut Reader<'_>) -> bool {
                match name {
                    $(_ if name == key_name(stringify!($field)) => {
                        if let Some(value) = read::<$type>(input, reader) {
                            let (key, place) = (reader.key.clone(), reader.place.clone());
                            let sourced = Sourced { value, key, place };
                            self.$field = Some(match self.$field.take() {
                                Some(earlier) => join(sourced, &earlier),
                                None => sourced,
                            });
                        }
                    })+
                    _ => return false,
                }
                true
            }

            fn over(self, base: &Self) -> Self {
                Self {
                    $($field: match (self.$field, &base.$field) {
                        (Some(over), Some(base)) => Some(join(over, base)),
                        (over, base) => over.or_else(|| base.clone()),
                    },)+
                }
            }
        }
    };
}
pub(super) use section;

/// `over` over `base`: of a table of properties each entry by itself.
pub(super) fn join<T: super::value::ConfigValue>(
    over: super::problem::Sourced<T>,
    base: &super::problem::Sourced<T>,
) -> super::problem::Sourced<T> {
    super::problem::Sourced { value: over.value.over(&base.value), ..over }
}

/// The key of a field: `r#type` is `type`.
pub(super) fn key_name(field: &'static str) -> &'static str {
    field.strip_prefix("r#").unwrap_or(field)
}

/// `section.key`, or `key` at the top level.
pub(super) fn full_key(section: &str, field: &'static str) -> String {
    let name = key_name(field);
    if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") }
}
