MERGE (p:WriteProbe {name: "readiness"}) SET p.value = $value
