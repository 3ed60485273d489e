//! Arrays (`miMATRIX`): flags, dimensions, name, and the content their class asks for.

use super::MatError;
use super::bytes::{Bytes, Element, Kind};
use super::value::Value;

/// Deepest nesting of cells and structures; PASCAL3D+ has six.
const DEPTH_MAX: usize = 32;
/// Most dimensions of an array.
const DIMENSIONS_MAX: usize = 32;
/// Shortest element there is: a tag.
const TAG_BYTES: usize = 8;

const CELL: u32 = 1;
const STRUCT: u32 = 2;
const OBJECT: u32 = 3;
const CHAR: u32 = 4;
const SPARSE: u32 = 5;
const COMPLEX_FLAG: u32 = 1 << 11;

/// Name and value of an array.
pub(super) fn parse(mut data: Bytes<'_>, depth: usize) -> Result<(String, Value), MatError> {
    // `[]` within a cell or structure is written with nothing at all.
    if data.is_empty() {
        return Ok((String::new(), Value::Numbers { shape: vec![0, 0], values: Vec::new() }));
    }
    if depth > DEPTH_MAX {
        return Err(data.error(format!("nested deeper than {DEPTH_MAX}")));
    }
    let flags = integers(&data.element()?, Kind::U32, "array flags")?;
    let &[flags, _] = flags.as_slice() else { return Err(data.error("array flags that are not two numbers")) };
    let flags = flags as u32;
    let shape = shape(&mut data)?;
    let name = data.element()?.text()?;
    let value = match flags & 0xff {
        CELL => {
            let expected = count(&data, &shape)?;
            Value::Cells { values: nested(&mut data, expected, depth)?, shape }
        }
        STRUCT => structs(&mut data, shape, depth)?,
        CHAR => Value::Text(text(&mut data, &shape)?),
        6..=15 if flags & COMPLEX_FLAG != 0 => Value::Unread("a complex array"),
        6..=15 => numbers(&mut data, shape)?,
        OBJECT => Value::Unread("an object"),
        SPARSE => Value::Unread("a sparse array"),
        16 | 17 => Value::Unread("a function or an opaque object"),
        class => return Err(data.error(format!("unknown class of array {class}"))),
    };
    Ok((name, value))
}

fn integers(element: &Element<'_>, kind: Kind, what: &str) -> Result<Vec<f64>, MatError> {
    if element.kind != kind {
        return Err(element.data.error(format!("{what} of the wrong kind {:?}", element.kind)));
    }
    element.numbers()
}

fn shape(data: &mut Bytes<'_>) -> Result<Vec<usize>, MatError> {
    let element = data.element()?;
    let sides = integers(&element, Kind::I32, "dimensions")?;
    if !(2..=DIMENSIONS_MAX).contains(&sides.len()) || sides.iter().any(|&side| side < 0.0) {
        return Err(element.data.error(format!("dimensions {sides:?}")));
    }
    Ok(sides.into_iter().map(|side| side as usize).collect())
}

/// Number of elements of an array.
fn count(data: &Bytes<'_>, shape: &[usize]) -> Result<usize, MatError> {
    let product = shape.iter().try_fold(1usize, |product, &side| product.checked_mul(side));
    product.ok_or_else(|| data.error(format!("dimensions {shape:?} overflow")))
}

fn numbers(data: &mut Bytes<'_>, shape: Vec<usize>) -> Result<Value, MatError> {
    let expected = count(data, &shape)?;
    let element = data.element()?;
    let values = element.numbers()?;
    if values.len() != expected {
        return Err(element.data.error(format!("{} numbers for dimensions {shape:?}", values.len())));
    }
    Ok(Value::Numbers { shape, values })
}

/// One row of characters, or several of one length: MATLAB goes down the columns, we read along the rows.
fn text(data: &mut Bytes<'_>, shape: &[usize]) -> Result<String, MatError> {
    let expected = count(data, shape)?;
    let element = data.element()?;
    let text = element.text()?;
    let rows = shape[0];
    if rows <= 1 {
        // In UTF-8, dimensions count MATLAB's 16-bit characters.
        return Ok(text);
    }
    let by_column: Vec<char> = text.chars().collect();
    if by_column.len() != expected {
        return Err(element.data.error(format!("{} characters for dimensions {shape:?}", by_column.len())));
    }
    let lines: Vec<String> = (0..rows).map(|row| by_column.iter().skip(row).step_by(rows).collect()).collect();
    Ok(lines.join("\n"))
}

/// `expected` arrays, one after another.
fn nested(data: &mut Bytes<'_>, expected: usize, depth: usize) -> Result<Vec<Value>, MatError> {
    if expected > data.len() / TAG_BYTES {
        return Err(data.error(format!("{expected} arrays in the {} bytes that are left", data.len())));
    }
    (0..expected)
        .map(|_| {
            let element = data.element()?;
            if element.kind != Kind::Matrix {
                return Err(element.data.error(format!("{:?} where an array belongs", element.kind)));
            }
            Ok(parse(element.data, depth + 1)?.1)
        })
        .collect()
}

fn structs(data: &mut Bytes<'_>, shape: Vec<usize>, depth: usize) -> Result<Value, MatError> {
    let length = integers(&data.element()?, Kind::I32, "the length of field names")?;
    let names = data.element()?;
    if names.kind != Kind::I8 {
        return Err(names.data.error(format!("field names of the wrong kind {:?}", names.kind)));
    }
    let fields: Vec<String> = match length.as_slice() {
        &[length] if length >= 1.0 && names.data.len().is_multiple_of(length as usize) => {
            let until_nul = |name: &[u8]| name.iter().copied().take_while(|&b| b != 0).map(char::from).collect();
            names.data.as_slice().chunks(length as usize).map(until_nul).collect()
        }
        _ => return Err(names.data.error(format!("{} bytes of field names of length {length:?}", names.data.len()))),
    };
    let elements = count(data, &shape)?;
    let expected = elements.checked_mul(fields.len()).ok_or_else(|| data.error("more fields than can be counted"))?;
    let values = nested(data, expected, depth)?;
    Ok(Value::Structs { shape, fields, values })
}
