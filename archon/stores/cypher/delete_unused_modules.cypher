// Locked before the check for importers: a document that is being enriched may start to import it.
UNWIND $rows AS row
MATCH (m:Module {module_id: row.id})
SET m.module_id = row.id
WITH m
OPTIONAL MATCH (m)<-[r:IMPORTS]-(:Document)
WITH m, count(r) AS imports
WHERE imports = 0
WITH collect(m) AS unused, count(m) AS modules
FOREACH (m IN unused | DELETE m)
RETURN modules
