-- One hour of production LLM inference requests.
CREATE STREAM azure WITH (path = $real_data || '/azure_llm_2023/code.parquet', event_time = 'ts');

CREATE SIGNAL azure_minutes AS
SELECT window_start, window_end,
  COUNT(*) AS n,
  SUM(context_tokens) AS context_tokens,
  SUM(generated_tokens) AS generated_tokens
FROM TUMBLE(azure, ts, INTERVAL '1 minute')
GROUP BY window_start, window_end;

CREATE SIGNAL azure_five_minutes AS
SELECT window_start, window_end, COUNT(*) AS n
FROM HOP(azure, ts, INTERVAL '1 minute', INTERVAL '5 minutes')
GROUP BY window_start, window_end;
