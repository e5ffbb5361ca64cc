//! What is to be read when more is known? Amounts, once the currency is.

use std::marker::PhantomData;

use serde_json::Value as Json;

use super::{Context, Decode, Definitions};
use crate::yaml::Node;

/// A value that is decoded later; its schema stands where it will.
#[derive(Debug, Clone, PartialEq)]
pub struct Later<T> {
    node: Node,
    value: PhantomData<fn() -> T>,
}

impl<T: Decode> Later<T> {
    /// What a node will be.
    #[must_use]
    pub fn of(node: Node) -> Self {
        Self { node, value: PhantomData }
    }

    /// What is written.
    #[must_use]
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// Decodes it now.
    pub fn read(&self, context: &mut Context<'_>) -> Option<T> {
        T::decode(&self.node, context)
    }
}

impl<T: Decode> Decode for Later<T> {
    fn decode(node: &Node, _: &mut Context<'_>) -> Option<Self> {
        Some(Self::of(node.clone()))
    }

    fn schema(definitions: &mut Definitions) -> Json {
        T::schema(definitions)
    }
}
