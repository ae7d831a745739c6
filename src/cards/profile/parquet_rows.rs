//! Rows of a parquet file: the footer says how many there are, some of several row groups are looked at.

use std::fs::File;
use std::path::Path;

use parquet::basic::LogicalType;
use parquet::data_type::Decimal;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;

use super::super::CardError;
use super::column::{Cell, Column};
use super::report::{ProfileOptions, Table};

/// Most row groups that are looked into.
const MOST_GROUPS: usize = 20;

pub(super) fn read(path: &Path, options: &ProfileOptions) -> Result<Table, CardError> {
    let table = |error: parquet::errors::ParquetError| CardError::Table {
        path: path.to_path_buf(),
        reason: error.to_string(),
    };
    let file = File::open(path).map_err(|source| CardError::Io { path: path.to_path_buf(), source })?;
    let reader = SerializedFileReader::new(file).map_err(table)?;
    let metadata = reader.metadata();
    let rows = u64::try_from(metadata.file_metadata().num_rows()).unwrap_or_default();
    let fields = metadata.file_metadata().schema().get_fields();
    let mut columns: Vec<Column> = fields.iter().map(|field| Column::new(field.name())).collect();
    // Of nanoseconds and some other units the reader knows only whole numbers.
    let moments: Vec<bool> = fields
        .iter()
        .map(|field| {
            matches!(
                field.get_basic_info().logical_type_ref(),
                Some(LogicalType::Timestamp(_) | LogicalType::Date)
            )
        })
        .collect();
    let groups = metadata.num_row_groups();
    let looked_into = groups.clamp(1, MOST_GROUPS);
    let each = usize::try_from(options.sample_rows).unwrap_or(usize::MAX).div_ceil(looked_into);
    let mut seen = 0;
    for index in (0..looked_into.min(groups)).map(|part| part * groups / looked_into) {
        let group = reader.get_row_group(index).map_err(table)?;
        for row in group.get_row_iter(None).map_err(table)?.take(each) {
            let row = row.map_err(table)?;
            for ((column, (_, field)), moment) in columns.iter_mut().zip(row.get_column_iter()).zip(&moments)
            {
                column.add(&if *moment && *field != Field::Null { Cell::Moment } else { cell(field) });
            }
            seen += 1;
        }
    }
    Ok(Table { rows, sampled: seen < rows, columns, warnings: Vec::new() })
}

/// The number that a decimal means: its digits are a big-endian whole number.
fn decimal(value: &Decimal) -> f64 {
    let digits = value.data();
    let sign = if digits.first().is_some_and(|byte| byte & 0x80 != 0) { -1.0 } else { 0.0 };
    // Two's complement: the first byte counts negative; more digits than a float holds are rounded.
    let whole = digits.iter().fold(sign, |whole, byte| whole * 256.0 + f64::from(*byte));
    whole / 10f64.powi(value.scale())
}

fn cell(field: &Field) -> Cell<'_> {
    match field {
        Field::Null => Cell::Missing,
        Field::Bool(value) => Cell::Boolean(*value),
        Field::Byte(value) => Cell::Integer(i64::from(*value)),
        Field::Short(value) => Cell::Integer(i64::from(*value)),
        Field::Int(value) => Cell::Integer(i64::from(*value)),
        Field::Long(value) => Cell::Integer(*value),
        Field::UByte(value) => Cell::Integer(i64::from(*value)),
        Field::UShort(value) => Cell::Integer(i64::from(*value)),
        Field::UInt(value) => Cell::Integer(i64::from(*value)),
        Field::ULong(value) => Cell::Integer(i64::try_from(*value).unwrap_or(i64::MAX)),
        Field::Float(value) => Cell::Float(f64::from(*value)),
        Field::Double(value) => Cell::Float(*value),
        Field::Decimal(value) => Cell::Float(decimal(value)),
        Field::Str(text) => Cell::Text(text),
        Field::Date(_) | Field::TimestampMillis(_) | Field::TimestampMicros(_) => Cell::Moment,
        _ => Cell::Nested,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_numbers() {
        let of = |value: i32, scale| decimal(&Decimal::from_i32(value, 9, scale));
        let shown = [of(1250, 2), of(-1250, 2), of(-1, 0), of(0, 3)].map(|number| number.to_string());
        assert_eq!(shown, ["12.5", "-12.5", "-1", "0"]);
    }
}
