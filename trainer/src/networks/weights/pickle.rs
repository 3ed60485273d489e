//! A reader of the pickles in PyTorch files (Python's `pickletools` describes the format, protocols 2 to 4).
//!
//! A pickle is a program for a stack machine that may call any Python function. This reader runs none: it knows the few
//! names that a state dictionary of tensors needs, builds values from them, and refuses every other name or instruction.
//! Memory is bounded by the pickle's length: each instruction adds at most one value, and what calls build is counted.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};

use super::tensor::{Storage, View};
use super::value::{Global, Id, Value};

/// The values of one pickle.
#[derive(Debug, Default)]
pub struct Pickle {
    values: Vec<Value>,
    root: Id,
    /// Bytes read, up to and including the final instruction.
    pub length: usize,
}

impl Pickle {
    /// Reads the pickle at the start of `bytes`.
    ///
    /// # Errors
    /// Names the byte of the first instruction that is unknown, refused or malformed.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let mut machine = Machine { bytes, ..Machine::default() };
        loop {
            let at = machine.position;
            match machine.step().with_context(|| format!("byte {at} of the pickle"))? {
                Step::More => {}
                Step::Stop(root) => {
                    return Ok(Self { values: machine.values, root, length: machine.position });
                }
            }
        }
    }

    /// What the pickle is of.
    pub fn root(&self) -> &Value {
        self.get(self.root)
    }

    /// A value referred to.
    pub fn get(&self, id: Id) -> &Value {
        self.values.get(id).unwrap_or(&Value::None)
    }
}

enum Step {
    More,
    Stop(Id),
}

/// The stack machine.
#[derive(Default)]
struct Machine<'a> {
    bytes: &'a [u8],
    position: usize,
    values: Vec<Value>,
    stack: Vec<Id>,
    /// Stack heights at which open lists of arguments start.
    marks: Vec<usize>,
    memo: BTreeMap<usize, Id>,
    /// Items and key bytes of all values that calls built.
    built: usize,
}

impl<'a> Machine<'a> {
    fn step(&mut self) -> Result<Step> {
        let [opcode] = self.array()?;
        match opcode {
            b'.' => return Ok(Step::Stop(self.pop()?)),
            0x80 => self.take(1).map(drop)?, // PROTO
            0x95 => self.take(8).map(drop)?, // FRAME
            b'(' => self.marks.push(self.stack.len()),
            b'0' => self.pop().map(drop)?,
            b'N' => self.push(Value::None),
            0x88 | 0x89 => self.push(Value::Bool(opcode == 0x88)),
            b'J' | b'K' | b'M' | 0x8a => self.integer(opcode)?,
            b'G' => {
                let value = f64::from_be_bytes(self.array()?);
                self.push(Value::Float(value));
            }
            b'X' | b'T' | 0x8c | b'U' => self.text(opcode)?,
            b'q' | b'r' | 0x94 | b'h' | b'j' => self.memo(opcode)?,
            b'}' => self.push(Value::Dict(Vec::new())),
            b']' => self.push(Value::List(Vec::new())),
            b')' => self.push(Value::Tuple(Vec::new())),
            0x85..=0x87 => {
                let items = self.pop_last(usize::from(opcode - 0x84))?;
                self.push(Value::Tuple(items));
            }
            b't' => {
                let items = self.pop_marked()?;
                self.push(Value::Tuple(items));
            }
            b'a' | b'e' | b's' | b'u' => self.extend(opcode)?,
            b'c' | 0x93 => self.global(opcode)?,
            b'Q' => self.persistent()?,
            b'R' => self.call()?,
            // BUILD sets attributes of an object; those of a dictionary (its `_metadata`) say nothing of its tensors.
            b'b' => self.pop().map(drop)?,
            _ => bail!("instruction {opcode:#04x} has no place in a state dictionary"),
        }
        Ok(Step::More)
    }

    fn integer(&mut self, opcode: u8) -> Result<()> {
        let value = match opcode {
            b'J' => i64::from(i32::from_le_bytes(self.array()?)),
            b'K' => i64::from(u8::from_le_bytes(self.array()?)),
            b'M' => i64::from(u16::from_le_bytes(self.array()?)),
            _ => {
                let [length] = self.array()?;
                let digits = self.take(usize::from(length))?;
                // Two's complement, lowest byte first; filled up with the sign.
                let fill = if digits.last().is_some_and(|high| high & 0x80 != 0) { 0xff } else { 0 };
                let mut low = [fill; 8];
                low.iter_mut().zip(digits).for_each(|(to, from)| *to = *from);
                i64::from_le_bytes(low)
            }
        };
        self.push(Value::Int(value));
        Ok(())
    }

    fn text(&mut self, opcode: u8) -> Result<()> {
        let length = match opcode {
            b'X' | b'T' => u32::from_le_bytes(self.array()?) as usize,
            _ => usize::from(u8::from_le_bytes(self.array()?)),
        };
        let text = String::from_utf8_lossy(self.take(length)?).into_owned();
        self.push(Value::Text(text));
        Ok(())
    }

    fn memo(&mut self, opcode: u8) -> Result<()> {
        let key = match opcode {
            b'q' | b'h' => usize::from(u8::from_le_bytes(self.array()?)),
            b'r' | b'j' => u32::from_le_bytes(self.array()?) as usize,
            _ => self.memo.len(),
        };
        if matches!(opcode, b'h' | b'j') {
            self.stack.push(*self.memo.get(&key).with_context(|| format!("nothing was remembered as {key}"))?);
        } else {
            self.memo.insert(key, self.top()?);
        }
        Ok(())
    }

    /// Appends to the list or dictionary below the items: one item, those since the mark, or pairs of them.
    fn extend(&mut self, opcode: u8) -> Result<()> {
        let items = match opcode {
            b'a' => self.pop_last(1)?,
            b's' => self.pop_last(2)?,
            _ => self.pop_marked()?,
        };
        let target = self.top()?;
        match self.values.get_mut(target) {
            Some(Value::List(list)) if matches!(opcode, b'a' | b'e') => list.extend(items),
            Some(Value::Dict(dict)) if matches!(opcode, b's' | b'u') => {
                ensure!(items.len().is_multiple_of(2), "a key has no value");
                dict.extend(items.as_chunks::<2>().0.iter().map(|[key, value]| (*key, *value)));
            }
            _ => bail!("items are added to what does not hold any"),
        }
        Ok(())
    }

    fn global(&mut self, opcode: u8) -> Result<()> {
        let global = if opcode == b'c' {
            let (module, name) = (self.line()?, self.line()?);
            Global::named(module, name).with_context(|| format!("refused name {module}.{name}"))?
        } else {
            let (name, module) = (self.pop()?, self.pop()?);
            let (Some(Value::Text(module)), Some(Value::Text(name))) = (self.values.get(module), self.values.get(name))
            else {
                bail!("a name is not a string")
            };
            Global::named(module, name).with_context(|| format!("refused name {module}.{name}"))?
        };
        self.push(Value::Global(global));
        Ok(())
    }

    /// `('storage', type, key, location, element count, ...)`.
    fn persistent(&mut self) -> Result<()> {
        let id = self.pop()?;
        let fields = match self.values.get(id) {
            Some(Value::Tuple(items)) => items.iter().take(5).map(|&item| self.values.get(item)).collect::<Vec<_>>(),
            _ => bail!("a reference outside the pickle is not a tuple"),
        };
        let storage = match fields.as_slice() {
            [
                Some(Value::Text(what)),
                Some(Value::Global(Global::Storage(kind))),
                Some(Value::Text(key)),
                _,
                Some(Value::Int(count)),
            ] if what == "storage" => {
                let count = usize::try_from(*count).with_context(|| format!("storage {key} has {count} elements"))?;
                Storage { kind: *kind, key: key.clone(), count }
            }
            _ => bail!("a reference outside the pickle is not one to a storage"),
        };
        self.push_built(Value::Storage(storage))
    }

    fn call(&mut self) -> Result<()> {
        let (arguments, function) = (self.pop()?, self.pop()?);
        let (Some(Value::Global(function)), Some(Value::Tuple(arguments))) =
            (self.values.get(function), self.values.get(arguments))
        else {
            bail!("what is called is no known name, or its arguments are no tuple");
        };
        // The calls known read no more than four; others may be given a tuple of any length again and again.
        let arguments: Vec<&Value> = arguments.iter().take(4).filter_map(|&id| self.values.get(id)).collect();
        let result = match (function, arguments.as_slice()) {
            (Global::OrderedDict, []) => Value::Dict(Vec::new()),
            (Global::OrderedDict, [Value::List(pairs)]) => Value::Dict(self.pairs(pairs)?),
            (Global::RebuildParameter, [Value::Tensor(view), ..]) => Value::Tensor(view.clone()),
            (Global::RebuildTensor, [Value::Storage(storage), Value::Int(offset), shape, stride]) => {
                let (shape, stride) = (self.sizes(shape)?, self.sizes(stride)?);
                let offset = usize::try_from(*offset).context("a tensor starts before its storage")?;
                Value::Tensor(View { storage: storage.clone(), offset, shape, stride })
            }
            _ => bail!("{function:?} cannot take these arguments"),
        };
        self.push_built(result)
    }

    /// Pushes what one short instruction built out of values that many instructions may name again.
    fn push_built(&mut self, value: Value) -> Result<()> {
        self.built += match &value {
            Value::Dict(items) => items.len(),
            Value::Storage(storage) => storage.key.len(),
            Value::Tensor(View { storage, shape, stride, .. }) => storage.key.len() + shape.len() + stride.len(),
            _ => 0,
        };
        ensure!(self.built <= self.bytes.len(), "more is built than the pickle is long");
        self.push(value);
        Ok(())
    }

    /// The keys and values of a list of pairs, as Python 2 wrote dictionaries.
    fn pairs(&self, list: &[Id]) -> Result<Vec<(Id, Id)>> {
        let pair = |id: &Id| match self.values.get(*id) {
            Some(Value::List(pair) | Value::Tuple(pair)) if pair.len() == 2 => Ok((pair[0], pair[1])),
            _ => bail!("a dictionary's item is not a pair"),
        };
        list.iter().map(pair).collect()
    }

    fn sizes(&self, tuple: &Value) -> Result<Vec<usize>> {
        let Value::Tuple(items) = tuple else { bail!("a shape is not a tuple") };
        let size = |id: &Id| match self.values.get(*id) {
            Some(Value::Int(size)) => usize::try_from(*size).with_context(|| format!("a shape holds {size}")),
            _ => bail!("a shape holds what is not a number"),
        };
        items.iter().map(size).collect()
    }

    fn push(&mut self, value: Value) {
        self.stack.push(self.values.len());
        self.values.push(value);
    }

    fn top(&self) -> Result<Id> {
        self.stack.last().copied().context("the stack is empty")
    }

    /// Takes the top, which must lie above the last mark.
    fn pop(&mut self) -> Result<Id> {
        ensure!(self.stack.len() > self.marks.last().copied().unwrap_or(0), "the stack is empty");
        self.stack.pop().context("the stack is empty")
    }

    fn pop_last(&mut self, count: usize) -> Result<Vec<Id>> {
        let mut items = (0..count).map(|_| self.pop()).collect::<Result<Vec<Id>>>()?;
        items.reverse();
        Ok(items)
    }

    fn pop_marked(&mut self) -> Result<Vec<Id>> {
        let mark = self.marks.pop().context("no mark was set")?;
        ensure!(mark <= self.stack.len(), "what the mark stood on is gone");
        Ok(self.stack.split_off(mark))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let end = self.position.checked_add(length);
        let taken = end.and_then(|end| self.bytes.get(self.position..end));
        let taken = taken.with_context(|| format!("{length} more bytes are wanted where the pickle ends"))?;
        self.position += length;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let taken = self.take(N)?;
        taken.try_into().context("has another length")
    }

    /// Up to the end of the line, which is left out.
    fn line(&mut self) -> Result<&'a str> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let length = rest.iter().position(|byte| *byte == b'\n').context("a name does not end")?;
        let line = std::str::from_utf8(self.take(length)?).context("a name is not UTF-8")?;
        self.take(1)?;
        Ok(line)
    }
}
