//! The bytes of a sketch: the number of registers, then those that saw something, or all of them.
//!
//! ```text
//! lg_k   how many saw something;  if at most a quarter did, per register: step from the last, run;  else all runs
//! ```

use super::Hll;
use crate::codec::{Kind, Reader, Writer};
use crate::error::Result;

impl Hll {
    /// The sketch as bytes: the same for the same values, in whichever order they were added and merged.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new(Kind::Hll);
        writer.raw(&[self.lg_k]);
        let used = self.registers.iter().filter(|run| **run > 0).count();
        writer.varint(used as u64);
        if used > self.sparse_limit() {
            writer.raw(&self.registers);
            return writer.finish();
        }
        let mut next = 0;
        for (register, run) in self.registers.iter().enumerate().filter(|(_, run)| **run > 0) {
            writer.varint((register - next) as u64);
            writer.raw(&[*run]);
            next = register + 1;
        }
        writer.finish()
    }

    /// The sketch that [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// [`Error::Corrupt`](crate::Error::Corrupt) if the bytes are not those of a sketch.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::open(Kind::Hll, bytes)?;
        let lg_k = reader.raw(1)?[0];
        let mut hll = Self::new(lg_k).map_err(|_| reader.corrupt("lg_k"))?;
        let used = reader.varint()?;
        if used > hll.sparse_limit() as u64 {
            hll.registers = reader.raw(1 << lg_k)?.to_vec();
        } else if used > 0 {
            hll.read_sparse(&mut reader, used)?;
        }
        let written = hll.registers.iter().filter(|run| **run > 0).count();
        if written as u64 != used || hll.registers.iter().any(|run| *run > hll.bits() + 1) {
            return Err(reader.corrupt("register"));
        }
        reader.finish()?;
        Ok(hll)
    }

    fn read_sparse(&mut self, reader: &mut Reader, used: u64) -> Result<()> {
        let registers = self.registers_mut();
        let mut next = 0;
        for _ in 0..used {
            let step = usize::try_from(reader.varint()?).ok();
            let register = step.and_then(|step| step.checked_add(next)).filter(|register| *register < registers.len());
            let register = register.ok_or_else(|| reader.corrupt("register"))?;
            registers[register] = reader.raw(1)?[0];
            next = register + 1;
        }
        Ok(())
    }

    /// Up to how many used registers only those are written.
    fn sparse_limit(&self) -> usize {
        1 << (self.lg_k - 2)
    }
}
