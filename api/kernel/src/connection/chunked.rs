//! Where a body that comes in chunks ends. It follows what the server under us takes for such a body; what that refuses is told
//! to have ended, as nothing may be read behind it.

/// How far a chunked body has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunked {
    /// Before the size of a chunk.
    Start,
    /// Within the size, which is so much as yet.
    Size(u64),
    /// After the size, in what may be told with it.
    Extension(u64),
    /// At the end of the line of the size.
    SizeEnd(u64),
    /// So many bytes of the chunk are left.
    Bytes(u64),
    /// After the bytes of a chunk.
    BytesEnd,
    /// Within the end of the line after a chunk.
    BytesLineEnd,
    /// After the last chunk, at the start of a line.
    Last,
    /// Within a line after the last chunk.
    Trailer,
    /// At the end of such a line.
    TrailerEnd,
    /// At the end of the blank line, and so of the body.
    End,
}

impl Chunked {
    /// How many of some bytes belong to the body, and how far it is then; nothing when it has ended.
    pub(super) fn read(self, bytes: &[u8]) -> (usize, Option<Self>) {
        let (mut state, mut at) = (self, 0);
        while let Some(byte) = bytes.get(at) {
            if let Self::Bytes(left) = state {
                let length = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len() - at);
                let left = left - length as u64;
                state = if left == 0 { Self::BytesEnd } else { Self::Bytes(left) };
                at += length;
                continue;
            }
            at += 1;
            let Some(next) = state.after(*byte) else { return (at, None) };
            state = next;
        }
        (at, Some(state))
    }

    /// The state after one byte that is not of a chunk's own; nothing when the body ends with it or is malformed.
    fn after(self, byte: u8) -> Option<Self> {
        let digit = char::from(byte).to_digit(16).map(u64::from);
        match (self, byte) {
            (Self::Start, _) => digit.map(Self::Size),
            (Self::Size(size) | Self::Extension(size), b'\r') => Some(Self::SizeEnd(size)),
            (Self::Size(size), b';' | b' ' | b'\t') | (Self::Extension(size), b' '..=0xff | b'\t') => Some(Self::Extension(size)),
            (Self::Size(size), _) => Some(Self::Size(size.checked_mul(16)?.checked_add(digit?)?)),
            (Self::SizeEnd(0) | Self::TrailerEnd, b'\n') => Some(Self::Last),
            (Self::SizeEnd(size), b'\n') => Some(Self::Bytes(size)),
            (Self::BytesEnd, b'\r') => Some(Self::BytesLineEnd),
            (Self::BytesLineEnd, b'\n') => Some(Self::Start),
            (Self::Last, b'\r') => Some(Self::End),
            (Self::Trailer, b'\r') => Some(Self::TrailerEnd),
            (Self::Last | Self::Trailer, _) => Some(Self::Trailer),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long a body is that comes in pieces of some size, if it ends.
    fn length(bytes: &[u8], piece: usize) -> Option<usize> {
        let (mut state, mut read) = (Chunked::Start, 0);
        for piece in bytes.chunks(piece) {
            let (length, next) = state.read(piece);
            read += length;
            match next {
                Some(next) => {
                    assert_eq!(length, piece.len());
                    state = next;
                }
                None => return Some(read),
            }
        }
        None
    }

    #[test]
    fn a_chunked_body_ends_at_the_same_byte_in_whatever_pieces_it_comes() {
        let bodies = [
            "0\r\n\r\n",
            "2\r\n{}\r\n0\r\n\r\n",
            "2;a=b\r\n\r\n\r\n0\r\n\r\n",
            "1A \t;x\r\n0\r\n\r\n0\r\n\r\n0\r\n\r\n0\r\n\r\n0\r\n0\r\n\r\n0\r\nX: y\r\nZ: \n\r\n\r\n",
            "00\r\n\r\n",
        ];
        for body in bodies {
            let sent = format!("{body}GET / HTTP/1.1\r\n\r\n");
            for piece in 1..=sent.len() {
                assert_eq!(length(sent.as_bytes(), piece), Some(body.len()), "{body:?} by {piece}");
                assert_eq!(length(&body.as_bytes()[..body.len() - 1], piece), None, "{body:?} by {piece}");
            }
        }
    }

    #[test]
    fn a_malformed_chunked_body_ends_where_it_is_malformed() {
        let bodies = [
            ("x", 1),
            ("\r\n", 1),
            ("2x", 2),
            ("2\n", 2),
            ("2;\n", 3),
            ("2\rx", 3),
            ("2\r\n{}x", 6),
            ("2\r\n{}\rx", 7),
            ("0\r\n\rx", 5),
            ("0\r\na\rx", 6),
            ("11111111111111111", 17),
        ];
        for (body, end) in bodies {
            for piece in 1..=body.len() + 9 {
                assert_eq!(length(format!("{body}GET / HTT").as_bytes(), piece), Some(end), "{body:?} by {piece}");
            }
        }
    }
}
