//! Pickles read as data: the few opcodes that PyTorch writes for tensors, and nothing that runs.
//!
//! A pickle is a program for a stack machine whose opcodes can call any function of Python. Here the machine knows
//! only how to build plain values, and [`Global`] is the whole list of what it may "call", each of which makes a
//! record. Everything else is refused by its name. Values are `Copy` and refer to an arena by number, so that
//! nesting and cycles cost no recursion, and their count is limited.

mod arena;
mod reader;

use std::collections::HashMap;

pub use arena::{Arena, Value, shown};
use arena::{Global, MAX_OBJECTS};
use reader::Reader;

/// A reading that can fail with what is wrong.
pub type Parsed<T> = Result<T, String>;

/// What a pickle holds.
#[derive(Debug)]
pub struct Pickle<'a> {
    pub root: Value<'a>,
    pub arena: Arena<'a>,
    /// Bytes that the pickle takes.
    pub length: usize,
}

/// Reads the pickle at the beginning of `bytes`.
///
/// # Errors
/// What in it is cut short, or is not part of a tensor.
pub fn read(bytes: &[u8]) -> Parsed<Pickle<'_>> {
    let mut machine = Machine { reader: Reader::new(bytes), ..Machine::default() };
    loop {
        if let Some(root) = machine.step()? {
            return Ok(Pickle { root, arena: machine.arena, length: machine.reader.position() });
        }
    }
}

#[derive(Default)]
struct Machine<'a> {
    reader: Reader<'a>,
    stack: Vec<Value<'a>>,
    /// Heights of the stack at each MARK.
    marks: Vec<usize>,
    memo: HashMap<u32, Value<'a>>,
    arena: Arena<'a>,
}

impl<'a> Machine<'a> {
    /// One opcode; the pickle's value when it was the last.
    fn step(&mut self) -> Parsed<Option<Value<'a>>> {
        let code = self.reader.byte()?;
        let value = match code {
            0x80 => return self.protocol(),
            0x95 => return self.reader.bytes(8).map(|_| None),
            b'.' => return self.pop().map(Some),
            b'(' => {
                if self.marks.len() >= MAX_OBJECTS {
                    return Err("its pickle has too many marks".into());
                }
                self.marks.push(self.stack.len());
                return Ok(None);
            }
            b'0' => return self.pop().map(|_| None),
            b'1' => return self.pop_to_mark().map(|_| None),
            b'q' | b'r' => {
                let key = self.key(code == b'r')?;
                return self.remember(key);
            }
            0x94 => return self.remember(self.memo.len() as u32),
            b's' | b'u' => return self.set_items(code == b'u'),
            b'a' | b'e' => return self.append(code == b'e'),
            b'b' => return self.build(),
            b'N' => Value::None,
            0x88 => Value::Bool(true),
            0x89 => Value::Bool(false),
            b'K' => Value::Int(i64::from(self.reader.byte()?)),
            b'M' => Value::Int(i64::from(u16::from_le_bytes(self.reader.array()?))),
            b'J' => Value::Int(i64::from(i32::from_le_bytes(self.reader.array()?))),
            0x8a => self.long()?,
            b'G' => Value::Float(f64::from_be_bytes(self.reader.array()?)),
            b'X' | b'T' => self.text(|reader| Ok(u64::from(u32::from_le_bytes(reader.array()?))))?,
            0x8c | b'U' => self.text(|reader| reader.byte().map(u64::from))?,
            0x8d => self.text(|reader| Ok(u64::from_le_bytes(reader.array()?)))?,
            b')' => self.arena.tuple(Vec::new())?,
            0x85..=0x87 => {
                let count = usize::from(code - 0x84);
                let start = self.height(count)?;
                let items = self.stack.split_off(start);
                self.arena.tuple(items)?
            }
            b't' => {
                let items = self.pop_to_mark()?;
                self.arena.tuple(items)?
            }
            b']' => self.arena.list(Vec::new())?,
            b'l' => {
                let items = self.pop_to_mark()?;
                self.arena.list(items)?
            }
            b'}' => self.arena.dict()?,
            b'c' => {
                let (module, name) = (self.reader.line()?, self.reader.line()?);
                Value::Global(Global::named(module, name)?)
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Value::Text(module), Value::Text(name)) = (module, name) else {
                    return Err("its pickle names a function by something that is not text".into());
                };
                Value::Global(Global::named(module, name)?)
            }
            b'i' => {
                let (module, name) = (self.reader.line()?, self.reader.line()?);
                return Err(format!("its pickle makes an object of {}.{}", shown(module), shown(name)));
            }
            b'R' => {
                let (arguments, function) = (self.pop()?, self.pop()?);
                self.arena.call(function, arguments)?
            }
            b'Q' => {
                let id = self.pop()?;
                self.arena.storage(id)?
            }
            b'h' | b'j' => {
                let key = self.key(code == b'j')?;
                self.recall(key)?
            }
            _ => return Err(format!("its pickle uses the opcode {}, which no tensor needs", name_of(code))),
        };
        self.push(value).map(|()| None)
    }

    fn protocol(&mut self) -> Parsed<Option<Value<'a>>> {
        match self.reader.byte()? {
            0..=5 => Ok(None),
            newer => Err(format!("its pickle has protocol {newer}")),
        }
    }

    fn push(&mut self, value: Value<'a>) -> Parsed<()> {
        if self.stack.len() >= MAX_OBJECTS {
            return Err("its pickle holds too many values".into());
        }
        self.stack.push(value);
        Ok(())
    }

    /// The height of the stack under its last `count` values, none of which lies below a mark.
    fn height(&self, count: usize) -> Parsed<usize> {
        let floor = self.marks.last().copied().unwrap_or(0);
        let start = self.stack.len().checked_sub(count);
        start.filter(|&start| start >= floor).ok_or_else(|| "its pickle takes more values than it made".into())
    }

    fn pop(&mut self) -> Parsed<Value<'a>> {
        self.height(1)?;
        self.stack.pop().ok_or_else(|| "its pickle is empty".into())
    }

    fn pop_to_mark(&mut self) -> Parsed<Vec<Value<'a>>> {
        let start = self.marks.pop().ok_or("its pickle takes more marks than it made")?;
        Ok(self.stack.split_off(start))
    }

    /// A number of the memo, of one byte or four.
    fn key(&mut self, wide: bool) -> Parsed<u32> {
        if wide { Ok(u32::from_le_bytes(self.reader.array()?)) } else { Ok(u32::from(self.reader.byte()?)) }
    }

    fn remember(&mut self, key: u32) -> Parsed<Option<Value<'a>>> {
        self.height(1)?;
        if self.memo.len() >= MAX_OBJECTS {
            return Err("its pickle remembers too many values".into());
        }
        self.memo.extend(self.stack.last().map(|&top| (key, top)));
        Ok(None)
    }

    fn recall(&self, key: u32) -> Parsed<Value<'a>> {
        self.memo.get(&key).copied().ok_or_else(|| format!("its pickle recalls value {key}, which it never made"))
    }

    /// An integer of up to 8 bytes; a longer one stays bytes.
    fn long(&mut self) -> Parsed<Value<'a>> {
        let count = usize::from(self.reader.byte()?);
        let bytes = self.reader.bytes(count)?;
        if count > 8 {
            return Ok(Value::Long(bytes));
        }
        let sign = bytes.last().is_some_and(|last| last & 0x80 != 0);
        let mut wide = [if sign { 0xff } else { 0 }; 8];
        wide[..count].copy_from_slice(bytes);
        Ok(Value::Int(i64::from_le_bytes(wide)))
    }

    fn text(&mut self, length: impl FnOnce(&mut Reader<'a>) -> Parsed<u64>) -> Parsed<Value<'a>> {
        let length = usize::try_from(length(&mut self.reader)?).unwrap_or(usize::MAX);
        let bytes = self.reader.bytes(length)?;
        std::str::from_utf8(bytes).map(Value::Text).map_err(|_| "its pickle holds text that is not UTF-8".into())
    }

    fn set_items(&mut self, many: bool) -> Parsed<Option<Value<'a>>> {
        let items = if many {
            self.pop_to_mark()?
        } else {
            let start = self.height(2)?;
            self.stack.split_off(start)
        };
        if items.len() % 2 != 0 {
            return Err("its pickle sets a key without a value".into());
        }
        self.height(1)?;
        match self.stack.last() {
            Some(&Value::Dict(dict)) => self.arena.extend(dict, items).map(|()| None),
            _ => Err("its pickle sets keys of something that is not a dictionary".into()),
        }
    }

    fn append(&mut self, many: bool) -> Parsed<Option<Value<'a>>> {
        let items = if many { self.pop_to_mark()? } else { vec![self.pop()?] };
        self.height(1)?;
        match self.stack.last() {
            Some(&Value::List(list)) => self.arena.extend(list, items).map(|()| None),
            _ => Err("its pickle appends to something that is not a list".into()),
        }
    }

    /// The attributes of an object. A state dictionary has some (`_metadata`), which say nothing about its tensors.
    fn build(&mut self) -> Parsed<Option<Value<'a>>> {
        let state = self.pop()?;
        self.height(1)?;
        match (self.stack.last(), state) {
            (Some(Value::Dict(_)), Value::Dict(_)) => Ok(None),
            _ => Err("its pickle sets the attributes of something that is not a dictionary".into()),
        }
    }
}

/// Python's name of an opcode that is not read here.
fn name_of(code: u8) -> String {
    let name = match code {
        b'o' => "OBJ",
        0x81 => "NEWOBJ",
        0x92 => "NEWOBJ_EX",
        0x82..=0x84 => "EXT",
        b'P' => "PERSID",
        b'2' => "DUP",
        b'I' => "INT",
        b'L' => "LONG",
        b'F' => "FLOAT",
        b'S' => "STRING",
        b'V' => "UNICODE",
        b'd' => "DICT",
        b'p' => "PUT",
        b'g' => "GET",
        b'B' | b'C' | 0x8e => "BINBYTES",
        0x8f..=0x91 => "SET",
        0x96..=0x98 => "BUFFER",
        _ => return format!("{code:#04x}"),
    };
    name.into()
}

#[cfg(test)]
mod tests;
