//! How are the categories of many groups counted, without a look into the map of each row's group?
//!
//! Two hundred maps of a thousand categories each do not fit near the processor, and rows come to them in no order. So
//! there is one map for all groups, from a category to its column, and a dense table of counts by group and column.
//! The table is poured into the sketches when they are asked for, or when it is full; where rows seldom meet a count
//! that is there already, it is given up and rows go to the sketches one by one.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use datafusion::arrow::compute;
use datafusion::common::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion::physical_expr_common::binary_map::OutputType;
use datafusion::physical_expr_common::binary_view_map::ArrowBytesViewMap;

use super::super::single::Grouped;
use super::groups::Groups;
use super::source::Categories;

/// How many counts the table has at most: 8 MiB of them.
const MOST_COUNTS: usize = 1 << 20;

/// A table that was full stays in use if each of its counts stood for so many rows.
const ROWS_PER_COUNT: usize = 4;

/// A `Freq` per group, and rows that are in none of them yet.
pub(super) struct Tallied {
    groups: Groups<Categories>,
    table: Option<Table>,
}

impl Tallied {
    pub(super) fn new(groups: Groups<Categories>) -> Self {
        Self::with_room(groups, MOST_COUNTS)
    }

    /// With room for so many counts in the table.
    pub(super) fn with_room(groups: Groups<Categories>, room: usize) -> Self {
        Self { groups, table: Some(Table::new(room)) }
    }

    /// Pours the table into the sketches.
    fn settle(&mut self) {
        if let Some(table) = &mut self.table {
            table.pour_into(&mut self.groups);
        }
    }
}

impl Grouped for Tallied {
    fn resize(&mut self, groups: usize) {
        self.groups.resize(groups);
    }

    fn fresh(&self) -> Self {
        Self::new(self.groups.fresh())
    }
}

impl GroupsAccumulator for Tallied {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total_groups: usize,
    ) -> Result<()> {
        self.resize(total_groups);
        let Some(table) = &mut self.table else {
            return self.groups.update_batch(values, groups, filter, total_groups);
        };
        let passing = filter.map(|filter| passing(&values[0], groups, filter)).transpose()?;
        let (values, groups) = match &passing {
            Some((values, groups)) => (values, &groups[..]),
            None => (&values[0], groups),
        };
        let counted = table.add(values, groups, total_groups);
        let rest = groups.len() - counted;
        if rest == 0 {
            return Ok(());
        }
        let pays = table.rows >= ROWS_PER_COUNT * table.len;
        self.settle();
        if !pays {
            self.table = None;
        }
        self.groups.update_batch(&[values.slice(counted, rest)], &groups[counted..], None, total_groups)
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total_groups: usize) -> Result<()> {
        self.groups.merge_batch(states, groups, total_groups)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.settle();
        self.groups.state(emit_to)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        self.settle();
        self.groups.evaluate(emit_to)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        self.groups.convert_to_state(values, filter)
    }

    fn size(&self) -> usize {
        self.groups.size() + self.table.as_ref().map_or(0, Table::size)
    }
}

/// The rows that pass `filter`, and the group of each.
fn passing(values: &ArrayRef, groups: &[usize], filter: &BooleanArray) -> Result<(ArrayRef, Vec<usize>)> {
    let filter = if filter.null_count() > 0 { compute::prep_null_mask_filter(filter) } else { filter.clone() };
    let groups = filter.values().set_indices().map(|row| groups[row]).collect();
    Ok((compute::filter(values, &filter)?, groups))
}

/// Rows counted by group and category.
struct Table {
    /// DataFusion's map, here from a text to its column: it compares short texts without following a pointer.
    columns: ArrowBytesViewMap<usize>,
    /// By group, by column; the counts of a group end at the last column that it has met.
    counts: Vec<Vec<u64>>,
    /// How many counts there are in all groups.
    len: usize,
    /// How many there may be.
    room: usize,
    rows: usize,
    /// The columns of the rows at hand, kept for their room.
    batch: Vec<usize>,
}

impl Table {
    fn new(room: usize) -> Self {
        let columns = ArrowBytesViewMap::new(OutputType::Utf8View);
        Self { columns, counts: Vec::new(), len: 0, room, rows: 0, batch: Vec::new() }
    }

    /// Counts `values`, each in its group, as far as there is room; gives how many that were.
    fn add(&mut self, values: &ArrayRef, groups: &[usize], total_groups: usize) -> usize {
        let mut next = self.columns.len();
        let new_column = |_: Option<&[u8]>| {
            next += 1;
            next - 1
        };
        self.batch.clear();
        self.columns.insert_if_new(values, new_column, |column| self.batch.push(column));
        self.counts.resize_with(total_groups, Vec::new);
        for (row, (&group, &column)) in groups.iter().zip(&self.batch).enumerate() {
            let counts = &mut self.counts[group];
            if column >= counts.len() {
                let more = column + 1 - counts.len();
                if self.len + more > self.room {
                    self.rows += row;
                    return row;
                }
                self.len += more;
                counts.resize(column + 1, 0);
            }
            counts[column] += 1;
        }
        self.rows += groups.len();
        groups.len()
    }

    /// Moves all counts to the sketches of their groups.
    fn pour_into(&mut self, groups: &mut Groups<Categories>) {
        let categories = self.columns.take().into_state();
        let categories = categories.as_string_view();
        for (freq, counts) in groups.sketches().zip(&self.counts) {
            for (column, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                if categories.is_null(column) {
                    freq.add_nulls(count);
                } else {
                    freq.add_times(categories.value(column), count);
                }
            }
        }
        self.counts.clear();
        (self.len, self.rows) = (0, 0);
    }

    fn size(&self) -> usize {
        let counts = self.counts.capacity() * size_of::<Vec<u64>>() + self.len * size_of::<u64>();
        self.columns.size() + counts + self.batch.capacity() * size_of::<usize>()
    }
}
