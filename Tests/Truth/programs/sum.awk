# Associative arrays, splitting, string building.
{
  count = split($0, fields, /[-: ]+/)
  for (i = 1; i <= count; i++) seen[fields[i]]++
  longest = length($0) > length(longest) ? $0 : longest
}
END {
  for (word in seen) total += seen[word] * length(word)
  print NR, total, length(longest)
}
