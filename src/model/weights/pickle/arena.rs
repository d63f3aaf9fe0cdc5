//! What a pickle is made of: plain values, and the records that tensors and their storages leave.

use super::super::element::{Element, View};
use super::Parsed;

/// Most values on the stack or in the memo, and most objects: a file of 90,000 tensors fits, a bomb does not.
pub const MAX_OBJECTS: usize = 1 << 19;
/// Most values in all tuples, lists and dictionaries together.
const MAX_HELD: usize = 4 * MAX_OBJECTS;
/// Most dimensions of a tensor.
const MAX_RANK: usize = 8;

/// One value. The numbers of tuples, lists, dictionaries, storages and tensors lead into the [`Arena`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    None,
    Bool(bool),
    Int(i64),
    /// An integer of more than 8 bytes, little-endian.
    Long(&'a [u8]),
    Float(f64),
    Text(&'a str),
    Tuple(usize),
    List(usize),
    /// Keys and values in turn.
    Dict(usize),
    Global(Global),
    Storage(usize),
    Tensor(usize),
}

/// The functions and classes of Python that a file of tensors may name; there are no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Global {
    /// `collections.OrderedDict`
    OrderedDict,
    /// `torch._utils._rebuild_tensor_v2`, and the older `_rebuild_tensor`
    RebuildTensor,
    /// `torch._utils._rebuild_parameter`
    RebuildParameter,
    /// `torch.FloatStorage` and its kin
    Storage(Element),
}

impl Global {
    /// The global of this name.
    ///
    /// # Errors
    /// For every name that no tensor needs.
    pub fn named(module: &str, name: &str) -> Parsed<Self> {
        let known = match (module, name) {
            ("collections", "OrderedDict") => Some(Self::OrderedDict),
            ("torch._utils", "_rebuild_tensor_v2" | "_rebuild_tensor") => Some(Self::RebuildTensor),
            ("torch._utils", "_rebuild_parameter") => Some(Self::RebuildParameter),
            ("torch", storage) => Element::of_torch(storage).map(Self::Storage),
            _ => None,
        };
        known
            .ok_or_else(|| format!("its pickle names {}.{}, which is not part of a tensor", shown(module), shown(name)))
    }
}

/// A name from a file, fit to be printed.
pub fn shown(name: &str) -> String {
    const LONGEST: usize = 60;
    let end = name.char_indices().nth(LONGEST).map_or(name.len(), |(end, _)| end);
    let mut clean: String = name[..end].chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    if end < name.len() {
        clean.push('…');
    }
    clean
}

/// A storage that tensors lie in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StorageRecord<'a> {
    pub key: &'a str,
    pub element: Element,
    /// Elements.
    pub count: usize,
}

/// A tensor: a view into a storage, by the storage's number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorRecord {
    pub storage: usize,
    pub view: View,
}

/// All that a pickle made.
#[derive(Debug, Default)]
pub struct Arena<'a> {
    pub sequences: Vec<Vec<Value<'a>>>,
    pub storages: Vec<StorageRecord<'a>>,
    pub tensors: Vec<TensorRecord>,
    held: usize,
}

impl<'a> Arena<'a> {
    pub fn tuple(&mut self, items: Vec<Value<'a>>) -> Parsed<Value<'a>> {
        self.sequence(items).map(Value::Tuple)
    }

    pub fn list(&mut self, items: Vec<Value<'a>>) -> Parsed<Value<'a>> {
        self.sequence(items).map(Value::List)
    }

    pub fn dict(&mut self) -> Parsed<Value<'a>> {
        self.sequence(Vec::new()).map(Value::Dict)
    }

    fn sequence(&mut self, items: Vec<Value<'a>>) -> Parsed<usize> {
        within(self.sequences.len(), MAX_OBJECTS)?;
        self.hold(items.len())?;
        self.sequences.push(items);
        Ok(self.sequences.len() - 1)
    }

    /// Adds to a list or a dictionary.
    pub fn extend(&mut self, sequence: usize, items: Vec<Value<'a>>) -> Parsed<()> {
        self.hold(items.len())?;
        self.sequences[sequence].extend(items);
        Ok(())
    }

    fn hold(&mut self, more: usize) -> Parsed<()> {
        self.held += more;
        within(self.held, MAX_HELD)
    }

    /// What a call of `function` would make.
    pub fn call(&mut self, function: Value<'a>, arguments: Value<'a>) -> Parsed<Value<'a>> {
        let Value::Tuple(arguments) = arguments else { return Err("its pickle calls without a tuple".into()) };
        match (function, self.sequences[arguments].as_slice()) {
            (Value::Global(Global::OrderedDict), []) => self.dict(),
            (Value::Global(Global::RebuildParameter), [tensor @ Value::Tensor(_), ..]) => Ok(*tensor),
            (
                Value::Global(Global::RebuildTensor),
                &[Value::Storage(storage), Value::Int(offset), size, strides, ..],
            ) => {
                let offset = usize::try_from(offset).map_err(|_| "a tensor begins before its storage")?;
                let view = View { offset, shape: self.sizes(size)?, strides: self.sizes(strides)? };
                self.tensor(storage, view)
            }
            (Value::Global(known), _) => {
                Err(format!("its pickle calls {known:?} with arguments that it does not take"))
            }
            _ => Err("its pickle calls something that is not a function".into()),
        }
    }

    fn tensor(&mut self, storage: usize, view: View) -> Parsed<Value<'a>> {
        let StorageRecord { key, count, .. } = self.storages[storage];
        if view.shape.len() != view.strides.len() {
            return Err(format!("a tensor of {:?} has {} strides", view.shape, view.strides.len()));
        }
        if view.reach().is_none_or(|reach| reach > count) {
            let key = shown(key);
            return Err(format!("a tensor of {:?} reaches beyond its storage {key} of {count} numbers", view.shape));
        }
        within(self.tensors.len(), MAX_OBJECTS)?;
        self.tensors.push(TensorRecord { storage, view });
        Ok(Value::Tensor(self.tensors.len() - 1))
    }

    /// A tuple of counts.
    fn sizes(&self, tuple: Value) -> Parsed<Vec<usize>> {
        let Value::Tuple(tuple) = tuple else { return Err("the shape of a tensor is not a tuple".into()) };
        let items = &self.sequences[tuple];
        if items.len() > MAX_RANK {
            return Err(format!("a tensor has {} dimensions", items.len()));
        }
        let size = |item: &Value| match item {
            Value::Int(size) => usize::try_from(*size).ok(),
            _ => None,
        };
        let sizes = items.iter().map(|item| size(item).ok_or("the shape of a tensor is not made of counts"));
        Ok(sizes.collect::<Result<_, _>>()?)
    }

    /// The storage of a persistent id `('storage', class, key, place, count)`, with a `None` more in the old format.
    pub fn storage(&mut self, id: Value<'a>) -> Parsed<Value<'a>> {
        const OTHER: &str = "its pickle refers to something outside that is not a storage";
        let Value::Tuple(id) = id else { return Err(OTHER.into()) };
        let &[
            Value::Text("storage"),
            Value::Global(Global::Storage(element)),
            Value::Text(key),
            _,
            Value::Int(count),
            ..,
        ] = self.sequences[id].as_slice()
        else {
            return Err(OTHER.into());
        };
        if self.sequences[id].get(5).is_some_and(|view| *view != Value::None) {
            return Err("it was written by PyTorch before 0.4".into());
        }
        let count = usize::try_from(count).map_err(|_| format!("the storage {} has a negative size", shown(key)))?;
        within(self.storages.len(), MAX_OBJECTS)?;
        self.storages.push(StorageRecord { key, element, count });
        Ok(Value::Storage(self.storages.len() - 1))
    }
}

fn within(count: usize, limit: usize) -> Parsed<()> {
    if count < limit { Ok(()) } else { Err("its pickle holds too many objects".into()) }
}
