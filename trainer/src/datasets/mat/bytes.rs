//! Data elements: a tag of kind and size, the data, padding to eight bytes.

use super::MatError;

/// Kind of a data element (table 1-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    F32,
    F64,
    I64,
    U64,
    Matrix,
    Compressed,
    Utf8,
    Utf16,
    Utf32,
}

impl Kind {
    fn of(number: u32) -> Option<Self> {
        Some(match number {
            1 => Self::I8,
            2 => Self::U8,
            3 => Self::I16,
            4 => Self::U16,
            5 => Self::I32,
            6 => Self::U32,
            7 => Self::F32,
            9 => Self::F64,
            12 => Self::I64,
            13 => Self::U64,
            14 => Self::Matrix,
            15 => Self::Compressed,
            16 => Self::Utf8,
            17 => Self::Utf16,
            18 => Self::Utf32,
            _ => return None,
        })
    }
}

/// One data element.
#[derive(Clone, Copy)]
pub(super) struct Element<'a> {
    pub kind: Kind,
    pub data: Bytes<'a>,
}

/// Bytes not yet read, and where they are.
#[derive(Clone, Copy)]
pub(super) struct Bytes<'a> {
    rest: &'a [u8],
    offset: usize,
    inside: Option<usize>,
    big_endian: bool,
}

impl<'a> Bytes<'a> {
    pub fn new(rest: &'a [u8], offset: usize, big_endian: bool) -> Self {
        Self { rest, offset, inside: None, big_endian }
    }

    /// The decompressed variable `plain` of the compressed data `outer`, which begins at byte `at`.
    pub fn within(plain: &'a [u8], outer: &Bytes<'_>, at: usize) -> Self {
        Self { rest: plain, offset: 0, inside: Some(at), big_endian: outer.big_endian }
    }

    pub fn offset(&self) -> usize {
        self.offset
    }

    pub fn len(&self) -> usize {
        self.rest.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub fn as_slice(&self) -> &'a [u8] {
        self.rest
    }

    pub fn error(&self, reason: impl Into<String>) -> MatError {
        MatError { offset: self.offset, inside: self.inside, reason: reason.into() }
    }

    /// Next data element. An array's own elements end on eight bytes, and so does their padding.
    pub fn element(&mut self) -> Result<Element<'a>, MatError> {
        let tag = *self;
        let first = self.u32("a tag")?;
        let (small_size, number) = (first >> 16, first & 0xffff);
        let (kind, size, slot) = if small_size == 0 {
            let size = self.u32("the size in a tag")? as usize;
            (first, size, size)
        } else {
            if small_size > 4 {
                return Err(tag.error(format!("a small element of {small_size} bytes; four fit")));
            }
            (number, small_size as usize, 4)
        };
        let kind = Kind::of(kind).ok_or_else(|| tag.error(format!("unknown kind of element {kind}")))?;
        let data = self.take(size, "an element")?;
        let padding = if kind == Kind::Compressed {
            0
        } else {
            slot.next_multiple_of(if small_size == 0 { 8 } else { 4 }) - size
        };
        // The last element of a file may lack its padding.
        self.take(padding.min(self.len()), "padding")?;
        Ok(Element { kind, data })
    }

    fn take(&mut self, count: usize, what: &str) -> Result<Self, MatError> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            return Err(self.error(format!("{what} of {count} bytes where {} are left", self.rest.len())));
        };
        let data = Self { rest: taken, ..*self };
        (self.rest, self.offset) = (rest, self.offset + count);
        Ok(data)
    }

    fn u32(&mut self, what: &str) -> Result<u32, MatError> {
        let bytes = self.take(4, what)?;
        Ok(bytes.fixed::<4>().next().map_or(0, u32::from_le_bytes))
    }

    /// Groups of N bytes, least significant first.
    fn fixed<const N: usize>(self) -> impl Iterator<Item = [u8; N]> + 'a {
        let big_endian = self.big_endian;
        self.rest.as_chunks::<N>().0.iter().map(move |&(mut group)| {
            if big_endian {
                group.reverse();
            }
            group
        })
    }
}

impl Element<'_> {
    /// The numbers of the element; 64-bit integers beyond 2^53 are rounded.
    pub fn numbers(&self) -> Result<Vec<f64>, MatError> {
        let d = self.data;
        let width = match self.kind {
            Kind::I8 | Kind::U8 | Kind::Utf8 => 1,
            Kind::I16 | Kind::U16 | Kind::Utf16 => 2,
            Kind::I32 | Kind::U32 | Kind::F32 | Kind::Utf32 => 4,
            Kind::F64 | Kind::I64 | Kind::U64 => 8,
            Kind::Matrix | Kind::Compressed => return Err(d.error("an array where numbers belong")),
        };
        if !d.len().is_multiple_of(width) {
            return Err(d.error(format!("{} bytes are no whole number of {width}-byte values", d.len())));
        }
        Ok(match self.kind {
            Kind::I8 => d.fixed().map(|b| i8::from_le_bytes(b).into()).collect(),
            Kind::U8 | Kind::Utf8 => d.fixed().map(|b| u8::from_le_bytes(b).into()).collect(),
            Kind::I16 => d.fixed().map(|b| i16::from_le_bytes(b).into()).collect(),
            Kind::U16 | Kind::Utf16 => d.fixed().map(|b| u16::from_le_bytes(b).into()).collect(),
            Kind::I32 => d.fixed().map(|b| i32::from_le_bytes(b).into()).collect(),
            Kind::U32 | Kind::Utf32 => d.fixed().map(|b| u32::from_le_bytes(b).into()).collect(),
            Kind::F32 => d.fixed().map(|b| f32::from_le_bytes(b).into()).collect(),
            Kind::I64 => d.fixed().map(|b| i64::from_le_bytes(b) as f64).collect(),
            Kind::U64 => d.fixed().map(|b| u64::from_le_bytes(b) as f64).collect(),
            _ => d.fixed().map(f64::from_le_bytes).collect(),
        })
    }

    /// The characters of the element, in whatever width they are stored.
    pub fn text(&self) -> Result<String, MatError> {
        match self.kind {
            Kind::Utf8 => Ok(String::from_utf8_lossy(self.data.as_slice()).into_owned()),
            Kind::U16 | Kind::Utf16 => Ok(char::decode_utf16(self.data.fixed().map(u16::from_le_bytes))
                .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect()),
            _ => Ok(self
                .numbers()?
                .into_iter()
                .map(|code| char::from_u32(code as u32).unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect()),
        }
    }
}
