//! One array: magic, version, a header that is a Python dictionary, the data.

/// Longest header; NumPy writes some 118 bytes.
const HEADER_BYTES_MAX: usize = 10_000;

/// How a value is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stored {
    Bool,
    Signed,
    Unsigned,
    Float,
}

/// A numeric or boolean array.
#[derive(Clone, Debug)]
pub struct Array {
    /// Sides, slowest first; empty for a single number.
    pub shape: Vec<usize>,
    stored: Stored,
    width: usize,
    big_endian: bool,
    data: Vec<u8>,
}

impl Array {
    /// Whether it holds truth values.
    pub fn is_bool(&self) -> bool {
        self.stored == Stored::Bool
    }

    /// The values in the order they are stored; 64-bit integers beyond 2^53 are rounded.
    pub fn values(&self) -> Vec<f64> {
        self.data.chunks_exact(self.width).map(|value| self.number(value)).collect()
    }

    /// Whether each value is not zero.
    pub fn nonzero(&self) -> impl Iterator<Item = bool> + '_ {
        self.data.chunks_exact(self.width).map(|value| self.number(value) != 0.0)
    }

    fn number(&self, value: &[u8]) -> f64 {
        let mut bytes = [0; 8];
        for (index, &byte) in value.iter().enumerate() {
            bytes[if self.big_endian { value.len() - 1 - index } else { index }] = byte;
        }
        let bits = u64::from_le_bytes(bytes);
        match (self.stored, self.width) {
            (Stored::Bool | Stored::Unsigned, _) => bits as f64,
            (Stored::Signed, width) => {
                let unused = 64 - 8 * width as u32;
                ((bits << unused) as i64 >> unused) as f64
            }
            (Stored::Float, 2) => half::f16::from_bits(bits as u16).to_f64(),
            (Stored::Float, 4) => f32::from_bits(bits as u32).into(),
            (Stored::Float, _) => f64::from_bits(bits),
        }
    }
}

/// Reads an array.
///
/// # Errors
/// The reason.
pub(super) fn parse(bytes: &[u8]) -> Result<Array, String> {
    let (header, data) = split(bytes)?;
    let header = std::str::from_utf8(header).map_err(|e| format!("the header is no text: {e}"))?;
    let (stored, width, big_endian) = descr(value(header, "descr")?)?;
    let shape = shape(value(header, "shape")?)?;
    let count = shape.iter().try_fold(width, |product, &side| product.checked_mul(side));
    if count != Some(data.len()) {
        return Err(format!("{} bytes of data for {shape:?} values of {width} bytes", data.len()));
    }
    Ok(Array { shape, stored, width, big_endian, data: data.to_vec() })
}

/// Header and data.
fn split(bytes: &[u8]) -> Result<(&[u8], &[u8]), String> {
    let (length, start) = match bytes {
        [0x93, b'N', b'U', b'M', b'P', b'Y', 1, _, a, b, ..] => (usize::from(u16::from_le_bytes([*a, *b])), 10),
        [0x93, b'N', b'U', b'M', b'P', b'Y', 2 | 3, _, a, b, c, d, ..] => {
            (u32::from_le_bytes([*a, *b, *c, *d]) as usize, 12)
        }
        _ => return Err("no array of NumPy's format 1 to 3".into()),
    };
    if length > HEADER_BYTES_MAX {
        return Err(format!("a header of {length} bytes, but at most {HEADER_BYTES_MAX} are read"));
    }
    bytes[start..].split_at_checked(length).ok_or_else(|| format!("cut off in the header, at byte {}", bytes.len()))
}

/// What follows a key of the dictionary.
fn value<'a>(header: &'a str, key: &str) -> Result<&'a str, String> {
    let quoted = format!("'{key}':");
    let (_, rest) = header.split_once(&quoted).ok_or_else(|| format!("the header has no {quoted}"))?;
    Ok(rest.trim_start())
}

fn descr(text: &str) -> Result<(Stored, usize, bool), String> {
    let quoted = text.strip_prefix('\'').and_then(|t| t.split_once('\'')).map(|(descr, _)| descr);
    let Some(descr) = quoted else { return Err("records are not read, only plain arrays".into()) };
    let (order, kind) = descr.split_at_checked(1).unwrap_or_default();
    let stored = match kind {
        "b1" => (Stored::Bool, 1),
        "i1" => (Stored::Signed, 1),
        "i2" => (Stored::Signed, 2),
        "i4" => (Stored::Signed, 4),
        "i8" => (Stored::Signed, 8),
        "u1" => (Stored::Unsigned, 1),
        "u2" => (Stored::Unsigned, 2),
        "u4" => (Stored::Unsigned, 4),
        "u8" => (Stored::Unsigned, 8),
        "f2" => (Stored::Float, 2),
        "f4" => (Stored::Float, 4),
        "f8" => (Stored::Float, 8),
        "O" => return Err("pickled objects are not read".into()),
        _ => return Err(format!("type {descr:?} is neither a number nor a truth value")),
    };
    match order {
        "<" | "|" => Ok((stored.0, stored.1, false)),
        ">" => Ok((stored.0, stored.1, true)),
        _ => Err(format!("byte order {order:?}")),
    }
}

fn shape(text: &str) -> Result<Vec<usize>, String> {
    let inner = text.strip_prefix('(').and_then(|t| t.split_once(')')).map(|(inner, _)| inner);
    let inner = inner.ok_or("the shape is no tuple")?;
    let sides = inner.split(',').map(str::trim).filter(|side| !side.is_empty());
    sides.map(|side| side.parse().map_err(|_| format!("side {side:?} of the shape"))).collect()
}
