//! Python writes `NaN`, `Infinity` and `-Infinity` without quotes into its JSON, which strict readers refuse. This
//! reader converts them to strings while it streams the text.

use std::io::{BufRead, Read, Result};

pub struct Strict<R> {
    inner: R,
    out: Vec<u8>,
    at: usize,
    in_text: bool,
    escaped: bool,
    /// A minus sign was read, and the next byte decides its meaning.
    minus: bool,
    /// The remaining bytes of a word that was already written out.
    skip: usize,
}

impl<R: BufRead> Strict<R> {
    pub fn new(inner: R) -> Self {
        Self { inner, out: Vec::new(), at: 0, in_text: false, escaped: false, minus: false, skip: 0 }
    }

    fn take(&mut self, byte: u8) {
        if self.skip > 0 {
            self.skip -= 1;
            return;
        }
        if self.in_text {
            self.out.push(byte);
            self.in_text = self.escaped || byte != b'"';
            self.escaped = !self.escaped && byte == b'\\';
            return;
        }
        let minus = std::mem::take(&mut self.minus);
        match byte {
            b'I' => self.word(if minus { b"\"-Infinity\"" } else { b"\"Infinity\"" }, "Infinity".len()),
            b'N' => self.word(b"\"NaN\"", "NaN".len()),
            b'-' => self.minus = true,
            _ => {
                if minus {
                    self.out.push(b'-');
                }
                self.in_text = byte == b'"';
                self.out.push(byte);
            }
        }
    }

    fn word(&mut self, quoted: &[u8], length: usize) {
        self.out.extend_from_slice(quoted);
        self.skip = length - 1;
    }
}

impl<R: BufRead> Read for Strict<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        while self.at == self.out.len() {
            self.out.clear();
            self.at = 0;
            let bytes = self.inner.fill_buf()?.to_vec();
            if bytes.is_empty() {
                return Ok(0);
            }
            self.inner.consume(bytes.len());
            bytes.into_iter().for_each(|byte| self.take(byte));
        }
        let count = buffer.len().min(self.out.len() - self.at);
        buffer[..count].copy_from_slice(&self.out[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    #[test]
    fn bare_words_are_quoted_wherever_a_buffer_ends() {
        let text = r#"{"NaN -Infinity \" N":[NaN,Infinity,-Infinity,-1.5,"a\\",-2],"I":null}"#;
        let strict = r#"{"NaN -Infinity \" N":["NaN","Infinity","-Infinity",-1.5,"a\\",-2],"I":null}"#;
        for size in 1..text.len() {
            let mut read = String::new();
            Strict::new(BufReader::with_capacity(size, text.as_bytes())).read_to_string(&mut read).unwrap();
            assert_eq!(read, strict);
        }
    }
}
