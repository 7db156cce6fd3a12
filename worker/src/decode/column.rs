//! The growing columns of a batch.
//!
//! Every column can be cut back to an earlier length: that is how a record that fails leaves no trace. Nothing has to be
//! remembered for it, since a child's length follows from its parent's (a struct's children are as long as it is, a
//! list's end where its last offset says). Memory is reserved at a batch's first row, by the size of the batch before:
//! a table with few records holds little.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, BooleanBufferBuilder, FixedSizeBinaryArray, GenericBinaryArray, ListArray, MapArray,
    NullBufferBuilder, PrimitiveArray, StringArray, StructArray,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowNativeType, ArrowPrimitiveType, DataType, Date32Type, Decimal128Type, FieldRef, Float32Type, Float64Type,
    Int32Type, Int64Type, Time64MicrosecondType, TimeUnit, TimestampMicrosecondType,
};

use super::plan::{Group, Kind, Node};

/// Why building an array cannot fail, for the `expect`s below.
const CONSISTENT: &str = "a column's parts have one length, and its text is whole pieces of UTF-8";

/// Bytes of text or binary that a column reserves at most ahead of its records.
const MAX_RESERVED: usize = 1024 * 1024;

/// A column, its kind beside its values.
#[derive(Debug)]
pub(crate) struct Column {
    pub kind: Kind,
    pub values: Values,
    nulls: NullBufferBuilder,
}

/// A column's values.
#[derive(Debug)]
pub(crate) enum Values {
    Boolean(Bits),
    I32(Fixed<i32>),
    I64(Fixed<i64>),
    F32(Fixed<f32>),
    F64(Fixed<f64>),
    I128(Fixed<i128>),
    /// One value after the other, each of the kind's width.
    Raw(Fixed<u8>),
    Text(Bytes<i32>),
    Binary(Bytes<i64>),
    Struct(Box<Members>),
    List(Box<Repeated>),
    Map(Box<Entries>),
}

/// Booleans.
#[derive(Debug)]
pub(crate) struct Bits(BooleanBufferBuilder);

/// Values of one width.
#[derive(Debug, Default)]
pub(crate) struct Fixed<T> {
    pub values: Vec<T>,
    expected: usize,
}

/// Values of any width, one behind the other.
#[derive(Debug)]
pub(crate) struct Bytes<O> {
    pub data: Vec<u8>,
    offsets: Vec<O>,
    expected: (usize, usize),
}

/// Fields side by side: a struct's, or the table's value columns.
#[derive(Debug)]
pub(crate) struct Members {
    pub group: Arc<Group>,
    pub columns: Vec<Column>,
    /// Which fields the instance at hand has had: those that bear its stamp.
    pub seen: Vec<u64>,
    pub stamp: u64,
    /// The field that came after each field last time, the first one at the end: most records keep their order.
    pub next: Vec<usize>,
}

/// A list's elements.
#[derive(Debug)]
pub(crate) struct Repeated {
    pub field: FieldRef,
    pub element: Column,
    pub nullable: bool,
    pub slot_bytes: usize,
    offsets: Vec<i32>,
}

/// A map's entries.
#[derive(Debug)]
pub(crate) struct Entries {
    pub field: FieldRef,
    pub keys: Bytes<i32>,
    pub value: Column,
    pub nullable: bool,
    pub slot_bytes: usize,
    offsets: Vec<i32>,
    order: Vec<usize>,
}

impl Column {
    pub(crate) fn new(kind: &Kind) -> Self {
        let values = match kind {
            Kind::Boolean => Values::Boolean(Bits(BooleanBufferBuilder::new(0))),
            Kind::Int | Kind::Date => Values::I32(Fixed::default()),
            Kind::Long | Kind::Time | Kind::Timestamp { .. } => Values::I64(Fixed::default()),
            Kind::Float => Values::F32(Fixed::default()),
            Kind::Double => Values::F64(Fixed::default()),
            Kind::Decimal { .. } => Values::I128(Fixed::default()),
            Kind::Text { .. } => Values::Text(Bytes::new()),
            Kind::Binary => Values::Binary(Bytes::new()),
            Kind::Fixed { .. } => Values::Raw(Fixed::default()),
            Kind::Struct(group) => Values::Struct(Box::new(Members::new(group))),
            Kind::List { field, element } => Values::List(Box::new(Repeated::new(field, element))),
            Kind::Map { entries, value } => Values::Map(Box::new(Entries::new(entries, value))),
        };
        Self { kind: kind.clone(), values, nulls: NullBufferBuilder::new(0) }
    }

    pub(crate) fn len(&self) -> usize {
        self.nulls.len()
    }

    /// The value that was just appended to [`Self::values`] is one.
    #[inline]
    pub(crate) fn valid(&mut self) {
        self.nulls.append_non_null();
    }

    /// Appends a null. Beneath a null, fields that are required hold a null or zero too, which the parent hides.
    pub(crate) fn null(&mut self) {
        self.nulls.append_null();
        match &mut self.values {
            Values::Boolean(bits) => bits.0.append(false),
            Values::I32(fixed) => fixed.push(0),
            Values::I64(fixed) => fixed.push(0),
            Values::F32(fixed) => fixed.push(0.0),
            Values::F64(fixed) => fixed.push(0.0),
            Values::I128(fixed) => fixed.push(0),
            Values::Raw(fixed) => fixed.values.resize(fixed.values.len() + raw_width(&self.kind), 0),
            Values::Text(bytes) => bytes.repeat_end(),
            Values::Binary(bytes) => bytes.repeat_end(),
            Values::Struct(members) => members.columns.iter_mut().for_each(Self::null),
            Values::List(list) => repeat_last(&mut list.offsets),
            Values::Map(map) => repeat_last(&mut map.offsets),
        }
    }

    /// Cuts the column back to `len` rows, whatever it has gained or half gained since.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.nulls.truncate(len);
        match &mut self.values {
            Values::Boolean(bits) => bits.0.truncate(len),
            Values::I32(fixed) => fixed.values.truncate(len),
            Values::I64(fixed) => fixed.values.truncate(len),
            Values::F32(fixed) => fixed.values.truncate(len),
            Values::F64(fixed) => fixed.values.truncate(len),
            Values::I128(fixed) => fixed.values.truncate(len),
            Values::Raw(fixed) => fixed.values.truncate(len * raw_width(&self.kind)),
            Values::Text(bytes) => bytes.truncate(len),
            Values::Binary(bytes) => bytes.truncate(len),
            Values::Struct(members) => members.truncate(len),
            Values::List(list) => {
                let end = truncate_offsets(&mut list.offsets, len);
                list.element.truncate(end);
            }
            Values::Map(map) => {
                let end = truncate_offsets(&mut map.offsets, len);
                map.keys.truncate(end);
                map.value.truncate(end);
            }
        }
    }

    /// Reserves what the batch before needed.
    pub(crate) fn prepare(&mut self) {
        match &mut self.values {
            Values::Boolean(_) => {}
            Values::I32(fixed) => fixed.prepare(),
            Values::I64(fixed) => fixed.prepare(),
            Values::F32(fixed) => fixed.prepare(),
            Values::F64(fixed) => fixed.prepare(),
            Values::I128(fixed) => fixed.prepare(),
            Values::Raw(fixed) => fixed.prepare(),
            Values::Text(bytes) => bytes.prepare(),
            Values::Binary(bytes) => bytes.prepare(),
            Values::Struct(members) => members.columns.iter_mut().for_each(Self::prepare),
            Values::List(list) => list.element.prepare(),
            Values::Map(map) => {
                map.keys.prepare();
                map.value.prepare();
            }
        }
    }

    /// Bytes that are allocated.
    pub(crate) fn bytes(&self) -> usize {
        let values = match &self.values {
            Values::Boolean(bits) => bits.0.capacity() / 8,
            Values::I32(fixed) => fixed.bytes(),
            Values::I64(fixed) => fixed.bytes(),
            Values::F32(fixed) => fixed.bytes(),
            Values::F64(fixed) => fixed.bytes(),
            Values::I128(fixed) => fixed.bytes(),
            Values::Raw(fixed) => fixed.bytes(),
            Values::Text(bytes) => bytes.bytes(),
            Values::Binary(bytes) => bytes.bytes(),
            Values::Struct(members) => members.bytes(),
            Values::List(list) => size(&list.offsets) + list.element.bytes(),
            Values::Map(map) => size(&map.offsets) + size(&map.order) + map.keys.bytes() + map.value.bytes(),
        };
        values + self.nulls.allocated_size()
    }

    /// Takes the column's rows out as an array.
    pub(crate) fn finish(&mut self) -> ArrayRef {
        let nulls = take_nulls(&mut self.nulls);
        match (&mut self.values, &self.kind) {
            (Values::Boolean(bits), _) => Arc::new(BooleanArray::new(bits.0.finish(), nulls)),
            (Values::I32(fixed), Kind::Date) => fixed.finish::<Date32Type>(nulls, DataType::Date32),
            (Values::I32(fixed), _) => fixed.finish::<Int32Type>(nulls, DataType::Int32),
            (Values::I64(fixed), Kind::Time) => {
                fixed.finish::<Time64MicrosecondType>(nulls, Time64MicrosecondType::DATA_TYPE)
            }
            (Values::I64(fixed), Kind::Timestamp { zone, .. }) => fixed
                .finish::<TimestampMicrosecondType>(nulls, DataType::Timestamp(TimeUnit::Microsecond, zone.clone())),
            (Values::I64(fixed), _) => fixed.finish::<Int64Type>(nulls, DataType::Int64),
            (Values::F32(fixed), _) => fixed.finish::<Float32Type>(nulls, DataType::Float32),
            (Values::F64(fixed), _) => fixed.finish::<Float64Type>(nulls, DataType::Float64),
            (Values::I128(fixed), kind) => fixed.finish::<Decimal128Type>(nulls, decimal_type(kind)),
            (Values::Raw(fixed), kind) => {
                let width = i32::try_from(raw_width(kind)).expect("it came from an i32");
                let values = Buffer::from_vec(fixed.take());
                Arc::new(FixedSizeBinaryArray::try_new(width, values, nulls).expect(CONSISTENT))
            }
            (Values::Text(bytes), _) => Arc::new(bytes.finish_text(nulls)),
            (Values::Binary(bytes), _) => Arc::new(bytes.finish(nulls)),
            (Values::Struct(members), _) => {
                let arrays = members.columns.iter_mut().map(Self::finish).collect();
                let fields = members.group.fields.clone();
                Arc::new(StructArray::try_new(fields, arrays, nulls).expect(CONSISTENT))
            }
            (Values::List(list), _) => {
                let offsets = take_offsets(&mut list.offsets);
                let element = list.element.finish();
                Arc::new(ListArray::try_new(Arc::clone(&list.field), offsets, element, nulls).expect(CONSISTENT))
            }
            (Values::Map(map), _) => Arc::new(map.finish(nulls)),
        }
    }
}

impl Bits {
    #[inline]
    pub(crate) fn push(&mut self, value: bool) {
        self.0.append(value);
    }
}

impl<T> Fixed<T> {
    #[inline]
    pub(crate) fn push(&mut self, value: T) {
        self.values.push(value);
    }

    fn prepare(&mut self) {
        self.values.reserve_exact(self.expected);
    }

    fn bytes(&self) -> usize {
        size(&self.values)
    }

    fn take(&mut self) -> Vec<T> {
        self.expected = self.values.len();
        std::mem::take(&mut self.values)
    }

    fn finish<A>(&mut self, nulls: Option<NullBuffer>, data_type: DataType) -> ArrayRef
    where
        A: ArrowPrimitiveType<Native = T>,
        T: ArrowNativeType,
    {
        let array = PrimitiveArray::<A>::try_new(ScalarBuffer::from(self.take()), nulls).expect(CONSISTENT);
        Arc::new(array.with_data_type(data_type))
    }
}

/// The offset type of a [`Bytes`].
pub(crate) trait Offset: arrow::array::OffsetSizeTrait {}
impl Offset for i32 {}
impl Offset for i64 {}

impl<O: Offset> Bytes<O> {
    pub(crate) fn new() -> Self {
        Self { data: Vec::new(), offsets: vec![O::default()], expected: (0, 0) }
    }

    /// Ends the value whose bytes were appended to [`Self::data`]; `None` if the column is too long for its offsets.
    #[inline]
    #[must_use]
    pub(crate) fn end_value(&mut self) -> Option<()> {
        let end = O::from_usize(self.data.len())?;
        self.offsets.push(end);
        Some(())
    }

    fn repeat_end(&mut self) {
        repeat_last(&mut self.offsets);
    }

    fn truncate(&mut self, len: usize) {
        let end = truncate_offsets(&mut self.offsets, len);
        self.data.truncate(end);
    }

    fn prepare(&mut self) {
        self.data.reserve_exact(self.expected.0);
        self.offsets.reserve_exact(self.expected.1);
    }

    fn bytes(&self) -> usize {
        size(&self.data) + size(&self.offsets)
    }

    fn take(&mut self) -> (OffsetBuffer<O>, Buffer) {
        self.expected = (self.data.len().min(MAX_RESERVED), self.offsets.len());
        (take_offsets(&mut self.offsets), Buffer::from_vec(std::mem::take(&mut self.data)))
    }

    fn finish(&mut self, nulls: Option<NullBuffer>) -> GenericBinaryArray<O> {
        let (offsets, data) = self.take();
        GenericBinaryArray::try_new(offsets, data, nulls).expect(CONSISTENT)
    }

    /// The bytes of the value at `index`.
    fn value(&self, index: usize) -> &[u8] {
        &self.data[self.offsets[index].as_usize()..self.offsets[index + 1].as_usize()]
    }
}

impl Bytes<i32> {
    fn finish_text(&mut self, nulls: Option<NullBuffer>) -> StringArray {
        let (offsets, data) = self.take();
        StringArray::try_new(offsets, data, nulls).expect(CONSISTENT)
    }
}

impl Members {
    pub(crate) fn new(group: &Arc<Group>) -> Self {
        let count = group.nodes.len();
        Self {
            group: Arc::clone(group),
            columns: group.nodes.iter().map(|node| Column::new(&node.kind)).collect(),
            seen: vec![0; count],
            stamp: 0,
            next: (1..=count).chain([0]).collect(),
        }
    }

    pub(crate) fn truncate(&mut self, len: usize) {
        self.columns.iter_mut().for_each(|column| column.truncate(len));
    }

    pub(crate) fn bytes(&self) -> usize {
        self.columns.iter().map(Column::bytes).sum()
    }
}

impl Repeated {
    fn new(field: &FieldRef, element: &Node) -> Self {
        Self {
            field: Arc::clone(field),
            element: Column::new(&element.kind),
            nullable: element.nullable,
            slot_bytes: element.kind.slot_bytes(),
            offsets: vec![0],
        }
    }

    /// Ends the list whose elements were appended; `None` if there are too many.
    #[must_use]
    pub(crate) fn end_value(&mut self) -> Option<()> {
        self.offsets.push(i32::try_from(self.element.len()).ok()?);
        Some(())
    }
}

impl Entries {
    fn new(field: &FieldRef, value: &Node) -> Self {
        Self {
            field: Arc::clone(field),
            keys: Bytes::new(),
            value: Column::new(&value.kind),
            nullable: value.nullable,
            slot_bytes: value.kind.slot_bytes(),
            offsets: vec![0],
            order: Vec::new(),
        }
    }

    /// Ends the map whose entries were appended; `None` if there are too many.
    #[must_use]
    pub(crate) fn end_value(&mut self) -> Option<()> {
        self.offsets.push(i32::try_from(self.value.len()).ok()?);
        Some(())
    }

    /// A key that the map at hand, not ended yet, has twice.
    pub(crate) fn repeated_key(&mut self) -> Option<&[u8]> {
        let start = self.offsets.last().copied().unwrap_or(0).as_usize();
        self.order.clear();
        self.order.extend(start..self.value.len());
        let keys = &self.keys;
        self.order.sort_unstable_by(|a, b| keys.value(*a).cmp(keys.value(*b)));
        let pair = self.order.windows(2).find(|pair| keys.value(pair[0]) == keys.value(pair[1]))?;
        Some(keys.value(pair[0]))
    }

    fn finish(&mut self, nulls: Option<NullBuffer>) -> MapArray {
        let offsets = take_offsets(&mut self.offsets);
        let keys: ArrayRef = Arc::new(self.keys.finish_text(None));
        let DataType::Struct(pair) = self.field.data_type() else { unreachable!("the plan checked it") };
        let entries = StructArray::try_new(pair.clone(), vec![keys, self.value.finish()], None).expect(CONSISTENT);
        MapArray::try_new(Arc::clone(&self.field), offsets, entries, nulls, false).expect(CONSISTENT)
    }
}

fn raw_width(kind: &Kind) -> usize {
    kind.slot_bytes()
}

fn decimal_type(kind: &Kind) -> DataType {
    match kind {
        Kind::Decimal { precision, scale } => DataType::Decimal128(*precision, *scale),
        _ => unreachable!("only decimals are 128 bits wide"),
    }
}

fn take_nulls(nulls: &mut NullBufferBuilder) -> Option<NullBuffer> {
    let taken = std::mem::replace(nulls, NullBufferBuilder::new(0));
    taken.build().filter(|nulls| nulls.null_count() > 0)
}

fn take_offsets<O: Offset>(offsets: &mut Vec<O>) -> OffsetBuffer<O> {
    OffsetBuffer::new(ScalarBuffer::from(std::mem::replace(offsets, vec![O::default()])))
}

fn repeat_last<O: Offset>(offsets: &mut Vec<O>) {
    offsets.push(offsets.last().copied().unwrap_or_default());
}

/// Cuts the offsets to those of `len` values and gives the end of the last one.
fn truncate_offsets<O: Offset>(offsets: &mut Vec<O>, len: usize) -> usize {
    offsets.truncate(len + 1);
    offsets.last().copied().unwrap_or_default().as_usize()
}

fn size<T>(values: &Vec<T>) -> usize {
    values.capacity() * size_of::<T>()
}
