-- The auctions with the most bids of each hop. A signal does not compare its groups; a query over released rows does.
SELECT window_start, auction, num
FROM (
  SELECT window_start, auction, num, MAX(num) OVER (PARTITION BY window_start) AS most
  FROM released.q5)
WHERE num = most
