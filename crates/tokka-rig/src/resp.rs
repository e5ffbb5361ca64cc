//! How is a server asked something? A small writer and reader of RESP 2, over a blocking connection without TLS.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// What a server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A status such as `OK`.
    Status(String),
    /// An error such as `MOVED 3999 127.0.0.1:6381`.
    Error(String),
    /// A whole number.
    Number(i64),
    /// Bytes; `None` = nothing there.
    Bytes(Option<Vec<u8>>),
    /// A list; `None` = nothing there.
    List(Option<Vec<Answer>>),
}

impl Answer {
    /// As `redis-cli` prints it into a pipe: nothing for what is not there, an item a line. Or the text of the error.
    pub fn text(&self) -> std::result::Result<String, String> {
        match self {
            Self::Status(text) => Ok(text.clone()),
            Self::Error(text) => Err(text.clone()),
            Self::Number(number) => Ok(number.to_string()),
            Self::Bytes(bytes) => Ok(String::from_utf8_lossy(bytes.as_deref().unwrap_or_default()).into_owned()),
            Self::List(items) => {
                let lines: std::result::Result<Vec<_>, _> = items.iter().flatten().map(Self::text).collect();
                Ok(lines?.join("\n"))
            }
        }
    }
}

/// A connection to a server.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    /// Connects to a port of this machine; `patience` bounds the connecting and every later wait for an answer.
    pub fn open(port: u16, patience: Duration) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), patience)?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends one command and waits for its answer.
    pub fn ask<A: AsRef<[u8]>>(&mut self, words: &[A]) -> Result<Answer> {
        let mut message = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            message.extend_from_slice(format!("${}\r\n", word.as_ref().len()).as_bytes());
            message.extend_from_slice(word.as_ref());
            message.extend_from_slice(b"\r\n");
        }
        self.stream.get_mut().write_all(&message)?;
        self.answer()
    }

    fn answer(&mut self) -> Result<Answer> {
        let line = self.line()?;
        let mut letters = line.chars();
        let kind = letters.next();
        let rest = letters.as_str();
        match kind {
            Some('+') => Ok(Answer::Status(rest.to_owned())),
            Some('-') => Ok(Answer::Error(rest.to_owned())),
            Some(':') => Ok(Answer::Number(number(rest)?)),
            Some('$') => Ok(Answer::Bytes(usize::try_from(number(rest)?).ok().map(|length| self.bytes(length)).transpose()?)),
            Some('*') => Ok(Answer::List(usize::try_from(number(rest)?).ok().map(|length| self.list(length)).transpose()?)),
            _ => Err(nonsense(&line)),
        }
    }

    fn list(&mut self, length: usize) -> Result<Vec<Answer>> {
        (0..length).map(|_| self.answer()).collect()
    }

    fn bytes(&mut self, length: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; length.saturating_add(2)];
        self.stream.read_exact(&mut bytes)?;
        bytes.truncate(length);
        Ok(bytes)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        match line.strip_suffix("\r\n") {
            Some(text) => Ok(text.to_owned()),
            None => Err(Error::new(ErrorKind::UnexpectedEof, "the connection was closed")),
        }
    }
}

fn number(text: &str) -> Result<i64> {
    text.parse().map_err(|_| nonsense(text))
}

fn nonsense(text: &str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("`{text}` is not an answer"))
}
