//! Which words may stand here?

/// Describes a value that is one of few words, and by it makes its decoding and its JSON Schema.
///
/// ```
/// #[derive(Clone, Copy)]
/// pub enum Size { Small, Large }
/// tokka_catalog::choice! { Size, "a size": "small" => Size::Small, "large" => Size::Large }
/// ```
#[macro_export]
macro_rules! choice {
    ($type:ty, $wanted:literal: $( $word:literal => $value:expr ),+ $(,)?) => {
        impl $crate::decode::Decode for $type {
            fn decode(node: &$crate::yaml::Node, context: &mut $crate::decode::Context<'_>) -> Option<Self> {
                context.one_of(node, $wanted, &[ $( ($word, $value) ),+ ])
            }

            fn schema(_definitions: &mut $crate::decode::Definitions) -> ::serde_json::Value {
                ::serde_json::json!({ "enum": [ $( $word ),+ ] })
            }
        }
    };
}
