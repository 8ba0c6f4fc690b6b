-- New users: who registered in these ten seconds, and who opened auctions in them?
CREATE SIGNAL q8_person AS
SELECT window_start, window_end, id, name, COUNT(*) AS registrations
FROM TUMBLE(person, date_time, INTERVAL '10 seconds')
GROUP BY window_start, window_end, id, name;

CREATE SIGNAL q8_seller AS
SELECT window_start, window_end, seller, COUNT(*) AS auctions
FROM TUMBLE(auction, date_time, INTERVAL '10 seconds')
GROUP BY window_start, window_end, seller;
