CREATE TABLE word(id INTEGER PRIMARY KEY, text TEXT, length INT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
INSERT INTO word SELECT i, printf('%d-%s', i * 7919 % 5000, hex(i * i)), i % 50 FROM n;
CREATE INDEX by_text ON word(text);
SELECT length, count(*), max(text) FROM word GROUP BY length ORDER BY 2 DESC, 3 LIMIT 5;
DELETE FROM word WHERE length > 25;
SELECT count(*), sum(length(text)) FROM word WHERE text LIKE '1%';
