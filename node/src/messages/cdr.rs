//! XCDR1, the plain CDR of ROS 2: four bytes of encapsulation, then fields aligned to their own size, counted from byte four.

use super::{MessageError, MessageFault};

/// Bytes before the first field: representation identifier (00 01 = little endian) and options.
pub const ENCAPSULATION_BYTES: usize = 4;
/// XCDR pads a message to a multiple of four, so up to three bytes may follow the last field.
pub const PADDING_BYTES_MAX: usize = 3;

/// Reads fields in order. Every method copies the value out, checks it, and advances; only [`Reader::byte_sequence`] borrows.
#[derive(Debug)]
pub struct Reader<'a> {
    body: &'a [u8],
    position: usize,
    big_endian: bool,
}

impl<'a> Reader<'a> {
    /// Starts after the encapsulation of `bytes`. Both byte orders are read.
    ///
    /// # Errors
    /// [`MessageFault::Truncated`] under four bytes, [`MessageFault::UnknownEncapsulation`] for anything but plain CDR.
    pub fn new(bytes: &'a [u8]) -> Result<Self, MessageError> {
        let Some((encapsulation, body)) = bytes.split_at_checked(ENCAPSULATION_BYTES) else {
            return Err(MessageError { fault: MessageFault::Truncated, byte: bytes.len() });
        };
        let big_endian = match encapsulation {
            [0, 0, ..] => true,
            [0, 1, ..] => false,
            _ => return Err(MessageError { fault: MessageFault::UnknownEncapsulation, byte: 0 }),
        };
        Ok(Self { body, position: 0, big_endian })
    }

    /// Offset of the next field from the start of the message, before alignment.
    pub fn byte(&self) -> usize {
        self.position + ENCAPSULATION_BYTES
    }

    /// An error at the current place.
    pub fn fault(&self, fault: MessageFault) -> MessageError {
        MessageError { fault, byte: self.byte() }
    }

    /// An error at the next field, which is aligned to `alignment` bytes.
    pub fn fault_aligned(&self, alignment: usize, fault: MessageFault) -> MessageError {
        MessageError { fault, byte: self.position.next_multiple_of(alignment) + ENCAPSULATION_BYTES }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], MessageError> {
        let end = self.position.checked_add(count);
        let taken = end.and_then(|end| self.body.get(self.position..end));
        let taken = taken.ok_or(self.fault(MessageFault::Truncated))?;
        self.position += count;
        Ok(taken)
    }

    fn number<const N: usize>(&mut self) -> Result<[u8; N], MessageError> {
        self.position = self.position.next_multiple_of(N);
        let mut number = [0; N];
        number.copy_from_slice(self.take(N)?);
        if self.big_endian {
            number.reverse();
        }
        Ok(number)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, MessageError> {
        Ok(u8::from_le_bytes(self.number()?))
    }

    /// One byte, 0 or 1.
    pub fn bool(&mut self) -> Result<bool, MessageError> {
        let place = self.fault(MessageFault::BoolInvalid);
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(place),
        }
    }

    /// Four bytes, aligned to four.
    pub fn u32(&mut self) -> Result<u32, MessageError> {
        Ok(u32::from_le_bytes(self.number()?))
    }

    /// Four bytes, aligned to four.
    pub fn i32(&mut self) -> Result<i32, MessageError> {
        Ok(i32::from_le_bytes(self.number()?))
    }

    /// Eight bytes, aligned to eight.
    pub fn f64(&mut self) -> Result<f64, MessageError> {
        Ok(f64::from_le_bytes(self.number()?))
    }

    /// A fixed array of `N` doubles (no length on the wire).
    pub fn f64_array<const N: usize>(&mut self) -> Result<[f64; N], MessageError> {
        let mut values = [0.0; N];
        for value in &mut values {
            *value = self.f64()?;
        }
        Ok(values)
    }

    /// Passes over `count` doubles.
    pub fn skip_f64(&mut self, count: usize) -> Result<(), MessageError> {
        if count > 0 {
            self.position = self.position.next_multiple_of(8);
            self.take(count.saturating_mul(8))?;
        }
        Ok(())
    }

    /// The bytes of a string, without its zero. A length of zero is read as the empty string, as other readers do.
    fn string_bytes(&mut self) -> Result<&'a [u8], MessageError> {
        let length = self.u32()? as usize;
        if length == 0 {
            return Ok(&[]);
        }
        let place = self.fault(MessageFault::StringNotTerminated);
        match self.take(length)?.split_last() {
            Some((0, text)) => Ok(text),
            _ => Err(place),
        }
    }

    /// A string of at most `N` bytes, copied before it is checked.
    ///
    /// # Errors
    /// Truncated, not terminated, longer than `N`, or not UTF-8; the place is the string's length field.
    pub fn string<const N: usize>(&mut self) -> Result<heapless::String<N>, MessageError> {
        let start = self.position.next_multiple_of(4) + ENCAPSULATION_BYTES;
        let text = self.string_bytes()?;
        let owned = heapless::Vec::<u8, N>::from_slice(text);
        let owned = owned.map_err(|_| MessageError { fault: MessageFault::StringTooLong, byte: start })?;
        heapless::String::from_utf8(owned).map_err(|_| MessageError { fault: MessageFault::StringNotUtf8, byte: start })
    }

    /// Passes over a string.
    pub fn skip_string(&mut self) -> Result<(), MessageError> {
        self.string_bytes().map(|_| ())
    }

    /// The length of a sequence whose elements take at least `element_bytes_min` bytes each.
    ///
    /// # Errors
    /// [`MessageFault::SequenceTooLong`] where the rest of the message cannot hold that many elements.
    pub fn sequence_length(&mut self, element_bytes_min: usize) -> Result<usize, MessageError> {
        let length = self.u32()? as usize;
        let rest = self.body.len() - self.position.min(self.body.len());
        if length.saturating_mul(element_bytes_min) > rest {
            return Err(MessageError { fault: MessageFault::SequenceTooLong, byte: self.byte() - 4 });
        }
        Ok(length)
    }

    /// A `uint8[]`, borrowed. Truncated data is reported at its first byte.
    pub fn byte_sequence(&mut self) -> Result<&'a [u8], MessageError> {
        let length = self.u32()? as usize;
        self.take(length)
    }

    /// Ends the message.
    ///
    /// # Errors
    /// [`MessageFault::TrailingBytes`] where more than [`PADDING_BYTES_MAX`] bytes follow.
    pub fn finish(self) -> Result<(), MessageError> {
        if self.body.len() - self.position.min(self.body.len()) > PADDING_BYTES_MAX {
            return Err(self.fault(MessageFault::TrailingBytes));
        }
        Ok(())
    }
}

/// Writes fields in order, little endian, into a buffer that the caller owns; or counts the bytes they would take.
#[derive(Debug)]
pub struct Writer<'a> {
    out: Option<&'a mut [u8]>,
    position: usize,
}

impl<'a> Writer<'a> {
    /// Writes the encapsulation into `out` and stands behind it.
    pub fn new(out: &'a mut [u8]) -> Result<Self, MessageError> {
        let mut writer = Self { out: Some(out), position: 0 };
        writer.put(&[0, 1, 0, 0])?;
        Ok(writer)
    }

    /// A writer that only counts: the same `emit` code tells a message's exact size.
    pub fn counting() -> Writer<'static> {
        Writer { out: None, position: ENCAPSULATION_BYTES }
    }

    /// Bytes written so far, encapsulation included.
    pub fn size_bytes(&self) -> usize {
        self.position
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), MessageError> {
        let place = MessageError { fault: MessageFault::BufferTooSmall, byte: self.position };
        let end = self.position.checked_add(bytes.len()).ok_or(place)?;
        if let Some(out) = &mut self.out {
            out.get_mut(self.position..end).ok_or(place)?.copy_from_slice(bytes);
        }
        self.position = end;
        Ok(())
    }

    fn number<const N: usize>(&mut self, little_endian: [u8; N]) -> Result<(), MessageError> {
        let body_position = self.position - ENCAPSULATION_BYTES;
        let padding = body_position.next_multiple_of(N) - body_position;
        self.put(&[0; 8][..padding])?;
        self.put(&little_endian)
    }

    /// One byte.
    pub fn u8(&mut self, value: u8) -> Result<(), MessageError> {
        self.number(value.to_le_bytes())
    }

    /// Four bytes, aligned to four.
    pub fn u32(&mut self, value: u32) -> Result<(), MessageError> {
        self.number(value.to_le_bytes())
    }

    /// Four bytes, aligned to four.
    pub fn i32(&mut self, value: i32) -> Result<(), MessageError> {
        self.number(value.to_le_bytes())
    }

    /// Eight bytes, aligned to eight.
    pub fn f64(&mut self, value: f64) -> Result<(), MessageError> {
        self.number(value.to_le_bytes())
    }

    /// Doubles without a length.
    pub fn f64_array(&mut self, values: &[f64]) -> Result<(), MessageError> {
        values.iter().try_for_each(|value| self.f64(*value))
    }

    /// The length of a sequence, or of a string with its zero.
    pub fn length(&mut self, length: usize) -> Result<(), MessageError> {
        let place = MessageError { fault: MessageFault::SequenceTooLong, byte: self.position };
        self.u32(u32::try_from(length).map_err(|_| place)?)
    }

    /// A string with its length and its zero.
    pub fn string(&mut self, text: &str) -> Result<(), MessageError> {
        self.length(text.len().saturating_add(1))?;
        self.put(text.as_bytes())?;
        self.put(&[0])
    }

    /// A `uint8[]`.
    pub fn byte_sequence(&mut self, bytes: &[u8]) -> Result<(), MessageError> {
        self.length(bytes.len())?;
        self.put(bytes)
    }

    /// Advances over `count` bytes that the caller fills later, and ends the message.
    pub fn leave(mut self, count: usize) -> Result<usize, MessageError> {
        let place = MessageError { fault: MessageFault::BufferTooSmall, byte: self.position };
        let end = self.position.checked_add(count).ok_or(place)?;
        if self.out.as_ref().is_some_and(|out| end > out.len()) {
            return Err(place);
        }
        self.position = end;
        Ok(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_aligned_to_their_size_counted_behind_the_encapsulation() {
        let mut out = [0xEE; 40];
        let mut writer = Writer::new(&mut out).unwrap();
        writer.u8(7).unwrap();
        writer.u32(1).unwrap();
        writer.f64(1.0).unwrap();
        writer.string("ab").unwrap();
        writer.u8(9).unwrap();
        assert_eq!(writer.size_bytes(), 28);
        let expected = [
            0, 1, 0, 0, // encapsulation
            7, 0, 0, 0, // u8, padding to 4
            1, 0, 0, 0, // u32 at body byte 4; body byte 8 is already a multiple of 8
            0, 0, 0, 0, 0, 0, 0xF0, 0x3F, // 1.0
            3, 0, 0, 0, b'a', b'b', 0, 9,
        ];
        assert_eq!(&out[..28], &expected);
        assert_eq!(out[28], 0xEE, "nothing is written behind the message");
    }

    #[test]
    fn both_byte_orders_are_read() {
        let little = [0, 1, 0, 0, 2, 1, 0, 0, 2, 0, 0, 0, b'a', 0];
        let big = [0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 2, b'a', 0];
        for bytes in [little, big] {
            let mut reader = Reader::new(&bytes).unwrap();
            assert_eq!(reader.u32().unwrap(), 258);
            assert_eq!(reader.string::<4>().unwrap(), "a");
            reader.finish().unwrap();
        }
    }

    #[test]
    fn other_encapsulations_are_refused_at_byte_zero() {
        for first in [[0, 2], [0, 3], [0, 6], [0, 7], [1, 0]] {
            let error = Reader::new(&[first[0], first[1], 0, 0]).unwrap_err();
            assert_eq!(error, MessageError { fault: MessageFault::UnknownEncapsulation, byte: 0 });
        }
        assert_eq!(Reader::new(&[0, 1, 0]).unwrap_err().fault, MessageFault::Truncated);
    }

    #[test]
    fn a_bad_string_is_refused_at_its_length() {
        let cases: [(&[u8], MessageFault); 4] = [
            (&[0, 1, 0, 0, 2, 0, 0, 0, b'a', b'b'], MessageFault::StringNotTerminated),
            (&[0, 1, 0, 0, 2, 0, 0, 0, 0xFF, 0], MessageFault::StringNotUtf8),
            (&[0, 1, 0, 0, 4, 0, 0, 0, b'a', b'b', b'c', 0], MessageFault::StringTooLong),
            (&[0, 1, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, b'a'], MessageFault::Truncated),
        ];
        for (bytes, fault) in cases {
            let error = Reader::new(bytes).unwrap().string::<2>().unwrap_err();
            assert_eq!(error.fault, fault);
        }
    }

    #[test]
    fn three_bytes_of_padding_may_follow_and_no_more() {
        for (padding, accepted) in [(0, true), (3, true), (4, false)] {
            let mut bytes = vec![0, 1, 0, 0, 5];
            bytes.resize(5 + padding, 0);
            let mut reader = Reader::new(&bytes).unwrap();
            reader.u8().unwrap();
            assert_eq!(reader.finish().is_ok(), accepted, "{padding} bytes");
        }
    }

    #[test]
    fn a_sequence_longer_than_the_message_is_refused_before_it_is_read() {
        let bytes = [0, 1, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0];
        let error = Reader::new(&bytes).unwrap().sequence_length(1).unwrap_err();
        assert_eq!(error, MessageError { fault: MessageFault::SequenceTooLong, byte: 4 });
    }

    #[test]
    fn a_full_buffer_is_reported_and_not_overrun() {
        let mut out = [0; 10];
        let mut writer = Writer::new(&mut out).unwrap();
        writer.u32(1).unwrap();
        assert_eq!(writer.f64(1.0).unwrap_err().fault, MessageFault::BufferTooSmall);
    }
}
