//! The pickle machine, reduced to the instructions that plain tensors need.
//!
//! Instructions that make objects of arbitrary classes do not exist here, and the names that a
//! pickle may speak of are a closed list ([`super::call`]), so there is nothing to run.

use indexmap::IndexMap;

use super::call;
use super::stream::Stream;
use super::value::{Heap, Node, Value};
use crate::error::Fault;

/// Longest module or class name, in bytes.
const LONGEST_NAME: usize = 1024;

mod op {
    pub(super) const MARK: u8 = b'(';
    pub(super) const STOP: u8 = b'.';
    pub(super) const NONE: u8 = b'N';
    pub(super) const NEWTRUE: u8 = 0x88;
    pub(super) const NEWFALSE: u8 = 0x89;
    pub(super) const BININT: u8 = b'J';
    pub(super) const BININT1: u8 = b'K';
    pub(super) const BININT2: u8 = b'M';
    pub(super) const LONG1: u8 = 0x8a;
    pub(super) const BINFLOAT: u8 = b'G';
    pub(super) const BINUNICODE: u8 = b'X';
    pub(super) const SHORT_BINUNICODE: u8 = 0x8c;
    pub(super) const BINSTRING: u8 = b'T';
    pub(super) const SHORT_BINSTRING: u8 = b'U';
    pub(super) const NEWOBJ: u8 = 0x81;
    pub(super) const EMPTY_DICT: u8 = b'}';
    pub(super) const EMPTY_LIST: u8 = b']';
    pub(super) const EMPTY_TUPLE: u8 = b')';
    pub(super) const TUPLE: u8 = b't';
    pub(super) const TUPLE1: u8 = 0x85;
    pub(super) const TUPLE3: u8 = 0x87;
    pub(super) const BINPUT: u8 = b'q';
    pub(super) const LONG_BINPUT: u8 = b'r';
    pub(super) const MEMOIZE: u8 = 0x94;
    pub(super) const BINGET: u8 = b'h';
    pub(super) const LONG_BINGET: u8 = b'j';
    pub(super) const GLOBAL: u8 = b'c';
    pub(super) const STACK_GLOBAL: u8 = 0x93;
    pub(super) const REDUCE: u8 = b'R';
    pub(super) const BUILD: u8 = b'b';
    pub(super) const BINPERSID: u8 = b'Q';
    pub(super) const SETITEM: u8 = b's';
    pub(super) const SETITEMS: u8 = b'u';
    pub(super) const APPEND: u8 = b'a';
    pub(super) const APPENDS: u8 = b'e';
    pub(super) const PROTO: u8 = 0x80;
    pub(super) const FRAME: u8 = 0x95;

    /// Name of an instruction of Python's that is refused.
    pub(super) fn refused(code: u8) -> &'static str {
        match code {
            0x82..=0x84 => "EXT",
            0x92 => "NEWOBJ_EX",
            b'i' => "INST",
            b'o' => "OBJ",
            b'P' => "PERSID",
            b'S' => "STRING of protocol 0",
            b'B' | b'C' | 0x8e | 0x96 => "BYTES",
            0x8b => "LONG4",
            0x8d => "BINUNICODE8",
            0x8f..=0x91 => "SET",
            b'I' | b'L' | b'F' | b'V' | b'd' | b'l' | b'p' | b'g' => "of protocol 0",
            b'0' | b'1' | b'2' => "POP or DUP",
            _ => "unknown",
        }
    }
}

/// Runs one pickle up to its end and gives its value.
pub(super) fn run(stream: &mut Stream<'_, '_>, heap: &mut Heap) -> Result<Value, Fault> {
    let mut machine = Machine {
        stream,
        heap,
        stack: Vec::new(),
        marks: Vec::new(),
        memo: IndexMap::new(),
        at: 0,
    };
    loop {
        machine.at = machine.stream.position();
        machine.heap.step()?;
        let code = machine.stream.byte()?;
        if code == op::STOP {
            return machine.pop();
        }
        machine.execute(code)?;
    }
}

struct Machine<'m, 's, 'a> {
    stream: &'m mut Stream<'s, 'a>,
    heap: &'m mut Heap,
    stack: Vec<Value>,
    /// Heights of the stack at the open marks.
    marks: Vec<usize>,
    memo: IndexMap<u32, Value>,
    /// Place of the current instruction in its file.
    at: u64,
}

impl Machine<'_, '_, '_> {
    fn execute(&mut self, code: u8) -> Result<(), Fault> {
        match code {
            op::PROTO => self.protocol(),
            // A frame only says how far the pickle may be read ahead.
            op::FRAME => self.stream.array::<8>().map(drop),
            op::MARK => {
                self.marks.push(self.stack.len());
                Ok(())
            }
            op::NONE
            | op::NEWTRUE
            | op::NEWFALSE
            | op::BININT..=op::BININT1
            | op::BININT2
            | op::LONG1
            | op::BINFLOAT
            | op::BINUNICODE
            | op::SHORT_BINUNICODE
            | op::BINSTRING
            | op::SHORT_BINSTRING => self.scalar(code),
            op::EMPTY_DICT
            | op::EMPTY_LIST
            | op::EMPTY_TUPLE
            | op::TUPLE
            | op::TUPLE1..=op::TUPLE3 => self.collection(code),
            op::BINPUT | op::LONG_BINPUT | op::MEMOIZE | op::BINGET | op::LONG_BINGET => {
                self.memory(code)
            }
            op::GLOBAL | op::STACK_GLOBAL | op::REDUCE | op::NEWOBJ | op::BUILD | op::BINPERSID => {
                self.object(code)
            }
            op::SETITEM | op::SETITEMS | op::APPEND | op::APPENDS => self.fill(code),
            code => {
                let (name, at) = (op::refused(code), self.at);
                Err(Fault::Refused(format!("the pickle opcode {code:#04x} ({name}) at byte {at}")))
            }
        }
    }

    fn protocol(&mut self) -> Result<(), Fault> {
        match self.stream.byte()? {
            2..=5 => Ok(()),
            version => Err(Fault::Refused(format!("a pickle of protocol {version}"))),
        }
    }

    fn scalar(&mut self, code: u8) -> Result<(), Fault> {
        let value = match code {
            op::NEWTRUE => Value::Bool(true),
            op::NEWFALSE => Value::Bool(false),
            op::BININT => Value::Int(i32::from_le_bytes(self.stream.array()?).into()),
            op::BININT1 => Value::Int(self.stream.byte()?.into()),
            op::BININT2 => Value::Int(u16::from_le_bytes(self.stream.array()?).into()),
            op::LONG1 => {
                let count = self.stream.byte()?;
                let bytes = self.stream.take(count.into())?;
                match small(&bytes) {
                    Some(number) => Value::Int(number),
                    None => self.heap.add(Node::Long(bytes)),
                }
            }
            op::BINFLOAT => {
                self.stream.array::<8>()?;
                Value::Float
            }
            op::BINUNICODE | op::BINSTRING => {
                let count = u32::from_le_bytes(self.stream.array()?);
                self.unicode(count)?
            }
            op::SHORT_BINUNICODE | op::SHORT_BINSTRING => {
                let count = self.stream.byte()?;
                self.unicode(count.into())?
            }
            _ => Value::None,
        };
        self.stack.push(value);
        Ok(())
    }

    fn unicode(&mut self, count: u32) -> Result<Value, Fault> {
        let bytes = self.stream.take(count.into())?;
        let text = String::from_utf8(bytes).map_err(|_| self.damaged("a text is no UTF-8"))?;
        Ok(self.heap.add(Node::Text(text)))
    }

    fn collection(&mut self, code: u8) -> Result<(), Fault> {
        let node = match code {
            op::EMPTY_DICT => Node::Dict { ordered: false, items: Vec::new() },
            op::EMPTY_LIST => Node::List(Vec::new()),
            op::EMPTY_TUPLE => Node::Tuple(Vec::new()),
            op::TUPLE => Node::Tuple(self.pop_to_mark()?),
            code => {
                let mut items = vec![Value::None; usize::from(code - op::TUPLE1) + 1];
                for item in items.iter_mut().rev() {
                    *item = self.pop()?;
                }
                Node::Tuple(items)
            }
        };
        let value = self.heap.add(node);
        self.stack.push(value);
        Ok(())
    }

    fn memory(&mut self, code: u8) -> Result<(), Fault> {
        let index = match code {
            op::BINPUT | op::BINGET => self.stream.byte()?.into(),
            op::MEMOIZE => self.memo.len() as u32,
            _ => u32::from_le_bytes(self.stream.array()?),
        };
        if matches!(code, op::BINGET | op::LONG_BINGET) {
            let value = self.memo.get(&index).copied();
            let value = value.ok_or_else(|| self.damaged("it recalls what it never stored"))?;
            self.stack.push(value);
        } else {
            let value = self.pop()?;
            self.stack.push(value);
            self.memo.insert(index, value);
        }
        Ok(())
    }

    fn object(&mut self, code: u8) -> Result<(), Fault> {
        let value = match code {
            op::GLOBAL => {
                let module = self.stream.line(LONGEST_NAME)?;
                let name = self.stream.line(LONGEST_NAME)?;
                call::global(&String::from_utf8_lossy(&module), &String::from_utf8_lossy(&name))?
            }
            op::STACK_GLOBAL => {
                let (name, module) = (self.pop()?, self.pop()?);
                match (self.heap.text(module), self.heap.text(name)) {
                    (Some(module), Some(name)) => call::global(module, name)?,
                    _ => return Err(self.damaged("the name of a class is no text")),
                }
            }
            op::REDUCE => {
                let (arguments, function) = (self.pop()?, self.pop()?);
                call::reduce(self.heap, function, arguments)?
            }
            op::BUILD => {
                let (state, object) = (self.pop()?, self.pop()?);
                call::build(self.heap, object, state)?
            }
            op::NEWOBJ => {
                let (arguments, class) = (self.pop()?, self.pop()?);
                call::create(self.heap, class, arguments)?
            }
            _ => {
                let id = self.pop()?;
                call::storage(self.heap, id)?
            }
        };
        self.stack.push(value);
        Ok(())
    }

    fn fill(&mut self, code: u8) -> Result<(), Fault> {
        let values = match code {
            op::SETITEM => {
                let (value, key) = (self.pop()?, self.pop()?);
                vec![key, value]
            }
            op::APPEND => vec![self.pop()?],
            _ => self.pop_to_mark()?,
        };
        let target = self.pop()?;
        self.stack.push(target);
        let into_dict = matches!(code, op::SETITEM | op::SETITEMS);
        match self.heap.node_mut(target) {
            Some(Node::Dict { items, .. }) if into_dict && values.len().is_multiple_of(2) => {
                items.extend(values.chunks_exact(2).map(|pair| (pair[0], pair[1])));
                Ok(())
            }
            Some(Node::List(items)) if !into_dict => {
                items.extend(values);
                Ok(())
            }
            _ => Err(self.damaged("items are added to what is no dict or list")),
        }
    }

    fn pop(&mut self) -> Result<Value, Fault> {
        // What lies below an open mark belongs to the collection outside it.
        if self.stack.len() <= self.marks.last().copied().unwrap_or(0) {
            return Err(self.damaged("an instruction lacks its operand"));
        }
        self.stack.pop().ok_or_else(|| self.damaged("an instruction lacks its operand"))
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Value>, Fault> {
        let height = self.marks.pop().ok_or_else(|| self.damaged("a mark is missing"))?;
        Ok(self.stack.split_off(height))
    }

    fn damaged(&self, what: &str) -> Fault {
        Fault::Unreadable(format!("has a damaged pickle: {what} (byte {})", self.at))
    }
}

/// A little-endian integer of two's complement that fits 64 bits.
fn small(bytes: &[u8]) -> Option<i64> {
    let sign = if bytes.last().is_some_and(|&last| last >= 0x80) { 0xff } else { 0 };
    let mut whole = [sign; 8];
    whole.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(i64::from_le_bytes(whole))
}
