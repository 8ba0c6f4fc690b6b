-- The three streams of Nexmark. Their watermark is that of the Flink suite.
CREATE STREAM person WITH (
  path = $data || '/person', format = 'parquet', event_time = 'date_time', watermark = INTERVAL '4 seconds');
CREATE STREAM auction WITH (
  path = $data || '/auction', format = 'parquet', event_time = 'date_time', watermark = INTERVAL '4 seconds');
CREATE STREAM bid WITH (
  path = $data || '/bid', format = 'parquet', event_time = 'date_time', watermark = INTERVAL '4 seconds');
