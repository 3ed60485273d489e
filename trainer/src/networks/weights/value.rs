//! The Python objects that the pickle of a state dictionary is made of.

use super::tensor::{ElementKind, Storage, View};

/// Index of a value in its pickle; values refer to each other by it, as Python's objects do by reference.
pub type Id = usize;

/// A Python object.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// An integer of at most 8 bytes, or the low 8 bytes of a longer one.
    Int(i64),
    /// A float.
    Float(f64),
    /// A string; bytes that are not UTF-8 are replaced.
    Text(String),
    /// A tuple.
    Tuple(Vec<Id>),
    /// A list.
    List(Vec<Id>),
    /// A dictionary in insertion order.
    Dict(Vec<(Id, Id)>),
    /// A name that may be called or referred to.
    Global(Global),
    /// Where a tensor's elements are.
    Storage(Storage),
    /// A tensor: a view of a storage.
    Tensor(View),
}

/// The names known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Global {
    /// `collections.OrderedDict`.
    OrderedDict,
    /// `torch._utils._rebuild_tensor_v2(storage, offset, shape, stride, ...)`.
    RebuildTensor,
    /// `torch._utils._rebuild_parameter(tensor, ...)`.
    RebuildParameter,
    /// `torch.FloatStorage` and its siblings.
    Storage(ElementKind),
}

impl Global {
    /// By module and name.
    pub fn named(module: &str, name: &str) -> Option<Self> {
        match (module, name) {
            ("collections", "OrderedDict") => Some(Self::OrderedDict),
            ("torch._utils", "_rebuild_tensor_v2") => Some(Self::RebuildTensor),
            ("torch._utils", "_rebuild_parameter") => Some(Self::RebuildParameter),
            ("torch", storage) => ElementKind::of_storage(storage).map(Self::Storage),
            _ => None,
        }
    }
}
