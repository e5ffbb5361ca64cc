//! What is the same sheet in Apache Parquet? One row group of plain columns: texts in UTF-8 and 64-bit numbers, all required.

use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::errors::Result;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

use super::sheet::{Of, Sheet, Value};

/// The file.
pub(super) fn bytes(sheet: &Sheet) -> Result<Vec<u8>> {
    let mut fields = Vec::with_capacity(sheet.columns.len());
    for (name, of) in &sheet.columns {
        let field = match of {
            Of::Texts => Type::primitive_type_builder(name, Physical::BYTE_ARRAY).with_logical_type(Some(LogicalType::String)),
            Of::Numbers => Type::primitive_type_builder(name, Physical::INT64),
        };
        fields.push(Arc::new(field.with_repetition(Repetition::REQUIRED).build()?));
    }
    let schema = Arc::new(Type::group_type_builder("row").with_fields(fields).build()?);
    let compression = Compression::ZSTD(ZstdLevel::default());
    let properties = Arc::new(WriterProperties::builder().set_compression(compression).build());
    let mut file = SerializedFileWriter::new(Vec::new(), schema, properties)?;
    let mut group = file.next_row_group()?;
    let mut at = 0;
    while let Some(mut column) = group.next_column()? {
        let values = sheet.rows.iter().filter_map(|row| row.get(at));
        match sheet.columns.get(at).map(|(_, of)| of) {
            Some(Of::Numbers) => {
                let numbers = values.filter_map(|value| if let Value::Number(number) = value { Some(*number) } else { None });
                column.typed::<Int64Type>().write_batch(&numbers.collect::<Vec<i64>>(), None, None)?;
            }
            _ => {
                let texts = values.filter_map(|value| if let Value::Text(text) = value { Some(text.as_str()) } else { None });
                let texts: Vec<ByteArray> = texts.map(ByteArray::from).collect();
                column.typed::<ByteArrayType>().write_batch(&texts, None, None)?;
            }
        }
        column.close()?;
        at += 1;
    }
    group.close()?;
    file.into_inner()
}

#[cfg(test)]
mod tests {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::RowAccessor;

    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let columns = vec![("store", Of::Texts), ("due", Of::Numbers)];
        let rows = vec![vec!["books".into(), (-7_i64).into()], vec!["東京".into(), i64::MAX.into()]];
        let file = bytes(&Sheet { columns, rows }).unwrap();
        let reader = SerializedFileReader::new(bytes::Bytes::from(file)).unwrap();
        let read: Vec<(String, i64)> = reader
            .get_row_iter(None)
            .unwrap()
            .map(|row| {
                let row = row.unwrap();
                (row.get_string(0).unwrap().clone(), row.get_long(1).unwrap())
            })
            .collect();
        assert_eq!(read, [("books".to_owned(), -7), ("東京".to_owned(), i64::MAX)]);
    }
}
