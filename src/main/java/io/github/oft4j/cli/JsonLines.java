package io.github.oft4j.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.stream.Collectors;

/**
 * A file with an example a line: {@code {"input": [0.1, 0.2], "target": 3}}, or with inputs by
 * name, {@code {"input": {"ids": [1, 2], "mask": [1, 1]}, "target": 0.5}}.
 */
final class JsonLines {
  /**
   * Where a value stands in each line.
   *
   * @param name of the field
   * @param argument name inside the field, of the model's argument; null where it is the field
   */
  private record Field(String name, String argument) {
    @Override
    public String toString() {
      return argument == null ? "\"" + name + "\"" : "\"" + name + "." + argument + "\"";
    }
  }

  private final Path file;
  private final List<String> inputs;
  private final String target;
  private final ObjectReader reader =
      new ObjectMapper()
          .readerFor(JsonNode.class)
          .with(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);
  private final List<Integer> lines = new ArrayList<>();
  private final SequencedMap<Field, JsonColumn> columns = new LinkedHashMap<>();

  private JsonLines(Path file, List<String> inputs, String target) {
    this.file = file;
    this.inputs = inputs;
    this.target = target;
  }

  /** Reads the whole file. */
  static TrainingData read(Path file, List<String> inputs, String target) throws CliException {
    var source = new JsonLines(file, inputs, target);
    try (BufferedReader text = Files.newBufferedReader(file)) {
      int number = 1;
      for (String line = text.readLine(); line != null; line = text.readLine(), number++) {
        if (!line.isBlank()) {
          source.lines.add(number);
          source.add(line);
        }
      }
    } catch (MalformedInputException e) {
      throw new CliException(
          ExitCode.BAD_INPUT, file + " is not UTF-8 text: is it a .safetensors file?");
    } catch (IOException e) {
      throw CliException.unreadable(file, e);
    }
    return source.data();
  }

  private void add(String line) throws CliException {
    SequencedMap<Field, JsonNode> values = values(parse(line));
    if (columns.isEmpty()) {
      for (Field field : values.keySet()) {
        columns.put(field, new JsonColumn(example -> place(example) + ", field " + field));
      }
    }
    if (!columns.keySet().equals(values.keySet())) {
      throw bad("has " + list(values.keySet()) + ", the first example " + list(columns.keySet()));
    }
    for (var value : values.entrySet()) {
      columns.get(value.getKey()).add(value.getValue());
    }
  }

  private JsonNode parse(String line) throws CliException {
    try {
      JsonNode example = reader.readValue(line);
      if (example.isObject()) {
        return example;
      }
    } catch (JsonProcessingException e) {
      throw bad("is not valid JSON: " + e.getOriginalMessage());
    }
    throw bad("is no JSON object: write {\"" + inputs.getFirst() + "\": [...], ...}");
  }

  private SequencedMap<Field, JsonNode> values(JsonNode example) throws CliException {
    var values = new LinkedHashMap<Field, JsonNode>();
    for (String input : inputs) {
      JsonNode value = value(example, input);
      if (value.isObject()) {
        value.properties().forEach(e -> values.put(new Field(input, e.getKey()), e.getValue()));
      } else {
        values.put(new Field(input, null), value);
      }
    }
    values.put(new Field(target, null), value(example, target));
    return values;
  }

  private JsonNode value(JsonNode example, String field) throws CliException {
    JsonNode value = example.get(field);
    if (value == null) {
      var names = new ArrayList<String>();
      example.fieldNames().forEachRemaining(name -> names.add("\"" + name + "\""));
      throw bad(
          "lacks the field \""
              + field
              + "\" (it has "
              + String.join(", ", names)
              + "): --inputs and --targets name the fields");
    }
    return value;
  }

  private TrainingData data() throws CliException {
    if (lines.isEmpty()) {
      throw new CliException(ExitCode.BAD_INPUT, file + " holds no example");
    }
    var targetField = new Field(target, null);
    return new TrainingData(
        columns.entrySet().stream()
            .filter(column -> !column.getKey().equals(targetField))
            .map(c -> new TrainingData.Input(c.getKey().argument(), c.getValue()))
            .toList(),
        columns.get(targetField));
  }

  private CliException bad(String problem) {
    return new CliException(ExitCode.BAD_INPUT, place(lines.size() - 1) + " " + problem);
  }

  private String place(int example) {
    return file + " line " + lines.get(example);
  }

  private static String list(Collection<Field> fields) {
    return fields.stream().map(Field::toString).collect(Collectors.joining(", "));
  }
}
