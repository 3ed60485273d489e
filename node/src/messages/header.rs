//! `std_msgs/Header`: when and in which coordinate system.

use super::cdr::{Reader, Writer};
use super::{MessageError, MessageFault};
use crate::time::Stamp;

/// Longest `frame_id` that is accepted, in bytes.
pub const FRAME_ID_BYTES_MAX: usize = 96;

/// The stamp of a measurement and the name of its coordinate system. Owned: nothing points into the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// When the measurement was taken, on the publisher's clock.
    pub stamp: Stamp,
    /// The coordinate system's name; for a camera its optical system (x right, y down, z forward).
    pub frame_id: heapless::String<FRAME_ID_BYTES_MAX>,
}

impl Header {
    /// Reads a header.
    ///
    /// # Errors
    /// [`MessageFault::StampInvalid`] where `nanosec` reaches one second; the faults of a string.
    pub fn parse(reader: &mut Reader<'_>) -> Result<Self, MessageError> {
        let sec = reader.i32()?;
        let place = reader.fault_aligned(4, MessageFault::StampInvalid);
        let nanosec = reader.u32()?;
        if nanosec >= 1_000_000_000 {
            return Err(place);
        }
        Ok(Self { stamp: Stamp { sec, nanosec }, frame_id: reader.string()? })
    }

    /// Writes the header.
    pub fn emit(&self, writer: &mut Writer<'_>) -> Result<(), MessageError> {
        writer.i32(self.stamp.sec)?;
        writer.u32(self.stamp.nanosec)?;
        writer.string(&self.frame_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `{stamp: {sec: 1, nanosec: 2}, frame_id: "cam"}`, laid by hand.
    const BYTES: [u8; 20] = [0, 1, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, b'c', b'a', b'm', 0];

    #[test]
    fn a_header_reads_what_was_laid_by_hand() {
        let header = Header::parse(&mut Reader::new(&BYTES).unwrap()).unwrap();
        assert_eq!(header.stamp, Stamp { sec: 1, nanosec: 2 });
        assert_eq!(header.frame_id, "cam");
        let mut out = [0; 20];
        header.emit(&mut Writer::new(&mut out).unwrap()).unwrap();
        assert_eq!(out, BYTES);
    }

    #[test]
    fn a_second_of_nanoseconds_is_refused_at_its_byte() {
        let mut bytes = BYTES;
        bytes[8..12].copy_from_slice(&1_000_000_000u32.to_le_bytes());
        let error = Header::parse(&mut Reader::new(&bytes).unwrap()).unwrap_err();
        assert_eq!(error, MessageError { fault: MessageFault::StampInvalid, byte: 8 });
    }
}
