package io.github.oft4j.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;

/** What a path holds, told to a person. */
final class InfoText {
  private final boolean all;

  InfoText(boolean all) {
    this.all = all;
  }

  /** The text of a document of {@code OFT.describe}. */
  String of(JsonNode document) {
    return switch (document.path("type").asText()) {
      case "adapter" -> adapter(document);
      case "checkpoint" -> checkpoint(document);
      case "pipeline" -> pipeline(document);
      case "torchscript" -> torchScript(document);
      default -> throw new IllegalStateException("unknown type in " + document);
    };
  }

  private String adapter(JsonNode adapter) {
    JsonNode config = adapter.path("config");
    JsonNode layers = adapter.path("layers");
    var facts =
        title("adapter", adapter)
            .fact("written by", adapter.path("maker").asText())
            .fact("rotation", AdapterText.formula(config))
            .list("turns", isOfOutputs(layers) ? List.of("outputs") : List.of())
            .list("components", components(layers))
            .list("targets", targets(config.path("target_modules")))
            .fact("parameters", size(adapter));
    var table = new Table("layer", " block", " blocks", " dtype");
    for (JsonNode layer : first(layers)) {
      table.row(
          layer.path("name").asText()
              + (layer.path("is_embedding").asBoolean() ? " (embedding)" : "")
              + (layer.path("factors").asInt() > 1
                  ? " (first of " + Figures.count(layer.path("factors").asInt(), "factor") + ")"
                  : ""),
          layer.path("block_size").asText(),
          layer.path("rows").asText(),
          layer.path("dtype").asText());
    }
    facts.list("replaces", Documents.strings(adapter.path("replacements")));
    facts.list("unused keys", Documents.strings(adapter.path("unused_keys")));
    return facts
        .warnings(Documents.strings(adapter.path("warnings")))
        .table(table)
        .more(left(layers), "more layer")
        .toString();
  }

  private String checkpoint(JsonNode checkpoint) {
    JsonNode tensors = checkpoint.path("tensor_list");
    var facts = title("checkpoint", checkpoint);
    if (checkpoint.path("model_type").isTextual()) {
      facts.fact("model type", checkpoint.path("model_type").asText());
    }
    facts
        .list("files", Documents.strings(checkpoint.path("files")))
        .fact("parameters", size(checkpoint))
        .fact("tensors", counts(checkpoint.path("dtypes")))
        .fact("layers", counts(checkpoint.path("layers")))
        .table(tensorTable(tensors))
        .more(left(tensors), "more tensor");
    return facts.toString();
  }

  private String pipeline(JsonNode pipeline) {
    var facts = title("diffusers pipeline", pipeline);
    for (JsonNode component : pipeline.path("components")) {
      facts.fact(
          component.path("name").asText(),
          size(component) + "; " + counts(component.path("layers")));
    }
    return facts.toString();
  }

  private String torchScript(JsonNode module) {
    JsonNode modules = module.path("modules");
    var facts =
        title("TorchScript module", module)
            .fact("parameters", size(module))
            .fact("methods", String.join(", ", Documents.strings(module.path("methods"))));
    var table = new Table("module", "class");
    for (JsonNode child : first(modules)) {
      String name = child.path("name").asText();
      table.row(name.isEmpty() ? "(root)" : name, child.path("class").asText());
    }
    return facts.table(table).more(left(modules), "more module").toString();
  }

  private Table tensorTable(JsonNode tensors) {
    var table = new Table("tensor", "dtype", " shape");
    for (JsonNode tensor : first(tensors)) {
      table.row(
          tensor.path("name").asText(),
          tensor.path("dtype").asText(),
          Figures.shape(
              StreamSupport.stream(tensor.path("shape").spliterator(), false)
                  .map(JsonNode::numberValue)
                  .toList()));
    }
    return table;
  }

  private List<JsonNode> first(JsonNode list) {
    return StreamSupport.stream(list.spliterator(), false)
        .limit(all ? Long.MAX_VALUE : Table.FIRST_ROWS)
        .toList();
  }

  private int left(JsonNode list) {
    return list.size() - first(list).size();
  }

  private static Facts title(String type, JsonNode document) {
    return new Facts(document.path("path").asText() + ": " + type);
  }

  private static String size(JsonNode document) {
    return String.format(
        Locale.ROOT,
        "%,d (%s)",
        document.path("parameters").asLong(),
        ByteSize.format(document.path("bytes").asLong()));
  }

  /** For example "12 Linear, 1 Embedding" of {"Linear": 12, "Embedding": 1}. */
  private static String counts(JsonNode object) {
    return object.properties().stream()
        .map(entry -> entry.getValue().asText() + " " + entry.getKey())
        .collect(Collectors.joining(", "));
  }

  private static boolean isOfOutputs(JsonNode layers) {
    return layers.valueStream().anyMatch(layer -> layer.path("side").asText().equals("output"));
  }

  /** The parts of a pipeline that an adapter names; none where it does not say. */
  private static List<String> components(JsonNode layers) {
    return layers
        .valueStream()
        .map(layer -> layer.path("component").asText())
        .filter(component -> !component.isEmpty())
        .distinct()
        .sorted()
        .toList();
  }

  private static List<String> targets(JsonNode targets) {
    return switch (targets.getNodeType()) {
      case ARRAY -> Documents.strings(targets);
      case STRING -> List.of(targets.asText());
      default -> List.of("the defaults of the model's architecture");
    };
  }
}
