//! What a variable holds.

/// A variable, or a part of one.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Any numeric or logical array, as double precision, first dimension fastest.
    Numbers {
        /// Rows, columns, ….
        shape: Vec<usize>,
        /// As many as the product of the shape.
        values: Vec<f64>,
    },
    /// Characters, rows separated by line ends.
    Text(String),
    /// A cell array.
    Cells {
        /// Rows, columns, ….
        shape: Vec<usize>,
        /// First dimension fastest.
        values: Vec<Value>,
    },
    /// A structure, or an array of structures with the same fields.
    Structs {
        /// Rows, columns, …; 1x1 for a single structure.
        shape: Vec<usize>,
        /// Names of the fields.
        fields: Vec<String>,
        /// Every field of the first structure, then of the second, ….
        values: Vec<Value>,
    },
    /// Something that is not read, and what.
    Unread(&'static str),
}

/// One structure of an array.
#[derive(Clone, Copy, Debug)]
pub struct Struct<'a> {
    fields: &'a [String],
    values: &'a [Value],
}

impl Value {
    /// The number, where there is exactly one.
    pub fn number(&self) -> Option<f64> {
        match self.numbers()? {
            &[value] => Some(value),
            _ => None,
        }
    }

    /// The numbers, where it holds some.
    pub fn numbers(&self) -> Option<&[f64]> {
        match self {
            Self::Numbers { values, .. } => Some(values),
            _ => None,
        }
    }

    /// The characters, where it holds some.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The structures: one, many, or none for `[]` and everything that is no structure.
    pub fn structs(&self) -> impl Iterator<Item = Struct<'_>> {
        let (fields, values): (&[String], &[Self]) = match self {
            Self::Structs { fields, values, .. } => (fields.as_slice(), values.as_slice()),
            _ => (&[], &[]),
        };
        values.chunks(fields.len().max(1)).map(move |values| Struct { fields, values })
    }

    /// The structure, where there is exactly one.
    pub fn single(&self) -> Option<Struct<'_>> {
        let mut structs = self.structs();
        let first = structs.next()?;
        structs.next().is_none().then_some(first)
    }
}

impl<'a> Struct<'a> {
    /// The field of a name.
    pub fn get(&self, field: &str) -> Option<&'a Value> {
        let index = self.fields.iter().position(|name| name == field)?;
        self.values.get(index)
    }

    /// The number in a field, where there is exactly one.
    pub fn number(&self, field: &str) -> Option<f64> {
        self.get(field)?.number()
    }
}
