//! What does a stream leave to its data contract?

use tidegate_contract::stream::Dedupe;
use tidegate_contract::{DataContract, ENVELOPE_HASH};

use crate::definition::StreamDefinition;
use crate::{Code, Refusal, refuse};

/// For how long the keys of a contract are remembered, unless the stream says.
const HORIZON_US: i64 = 7 * 86_400_000_000;

impl StreamDefinition {
    /// The stream under a contract, which gives what its definition leaves open: columns, event time, tenant, privacy unit,
    /// learning scope, and the key by which rows are known that are delivered again.
    ///
    /// # Errors
    /// [`Code::OptionValue`] when the stream declares columns of its own, or takes away what the contract protects.
    pub fn under(mut self, contract: &DataContract) -> Result<Self, Refusal> {
        let Some(named) = &self.data_contract else { return Ok(self) };
        let stream = &mut self.contract;
        if stream.declared.is_some() {
            let cause = "the stream declares columns, and its contract does, too";
            return Err(refuse(Code::OptionValue, &named.place, cause, "leave the columns to the contract"));
        }
        let unit = contract.columns.iter().find(|column| column.privacy_unit.is_some()).map(|column| &column.name);
        if let (Some(declared), Some(unit)) = (&stream.privacy_unit, unit)
            && declared != unit
        {
            let cause = format!("the contract protects `{unit}`, and the stream `{declared}`");
            return Err(refuse(Code::OptionValue, &named.place, cause, "leave privacy_unit to the contract"));
        }
        let has = |name: &str| contract.column(name).map(|column| column.name.clone());
        stream.privacy_unit = unit.cloned().or(stream.privacy_unit.take());
        stream.event_time = stream.event_time.take().or_else(|| contract.event_time.clone());
        stream.tenant = stream.tenant.take().or_else(|| has("tenant_id"));
        stream.learning_scope = stream.learning_scope.take().or_else(|| has("learning_scope"));
        let key = contract.columns.iter().filter(|column| column.primary_key).map(|column| column.name.clone());
        let key = key.collect::<Vec<_>>();
        if stream.dedupe.is_none() && stream.event_time.is_some() && !key.is_empty() {
            stream.dedupe = Some(Dedupe { columns: key, horizon_us: HORIZON_US, seal: None });
        }
        if let Some(dedupe) = &mut stream.dedupe {
            dedupe.seal = has(ENVELOPE_HASH);
        }
        stream.declared = Some(contract.schema());
        Ok(self)
    }
}
