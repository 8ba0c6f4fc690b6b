-- Those who did both. A signal reads one stream and joins nothing.
SELECT person.id, person.name, person.window_start
FROM released.q8_person AS person
JOIN released.q8_seller AS seller ON person.id = seller.seller AND person.window_start = seller.window_start
