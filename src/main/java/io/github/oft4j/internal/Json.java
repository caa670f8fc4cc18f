package io.github.oft4j.internal;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.oft4j.OFTParseException;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.function.Function;

/**
 * JSON between text and trees. Jackson's {@code ObjectMapper} does the same, but making one takes
 * longer than a small merge.
 */
public final class Json {
  private static final JsonFactory FACTORY = new JsonFactory();
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

  private Json() {}

  /**
   * An empty object, to be filled.
   *
   * @return new
   */
  public static ObjectNode object() {
    return NODES.objectNode();
  }

  /**
   * Parses a document.
   *
   * @param text one JSON value
   * @return the value
   * @throws OFTParseException where the text is malformed
   */
  public static JsonNode parse(String text) {
    try (JsonParser parser = FACTORY.createParser(text)) {
      if (parser.nextToken() == null) {
        throw new OFTParseException("malformed JSON: the text is empty");
      }
      JsonNode value = read(parser);
      if (parser.nextToken() != null) {
        throw new OFTParseException("malformed JSON: the text goes on after its value");
      }
      return value;
    } catch (JsonProcessingException e) {
      throw new OFTParseException("malformed JSON: " + e.getOriginalMessage());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Writes a document.
   *
   * @param value of objects, arrays, strings, numbers, booleans and nulls
   * @return compact text
   */
  public static String text(JsonNode value) {
    var text = new StringWriter();
    try (JsonGenerator generator = FACTORY.createGenerator(text)) {
      write(value, generator);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return text.toString();
  }

  /**
   * The elements of an array.
   *
   * @param <T> what an element becomes
   * @param array an array
   * @param element reads one element
   * @return immutable
   */
  public static <T> List<T> list(JsonNode array, Function<JsonNode, T> element) {
    var list = new ArrayList<T>(array.size());
    for (JsonNode node : array) {
      list.add(element.apply(node));
    }
    return List.copyOf(list);
  }

  /**
   * The elements of an array of strings.
   *
   * @param array an array
   * @return immutable
   */
  public static List<String> strings(JsonNode array) {
    return list(array, JsonNode::textValue);
  }

  /**
   * A number that JSON may be unable to write.
   *
   * @param node a number, or null for one that is not finite
   * @return the number, or NaN
   */
  public static double number(JsonNode node) {
    return node.isNull() ? Double.NaN : node.doubleValue();
  }

  /**
   * A number that may be absent.
   *
   * @param node a number, or null
   * @return the number, or empty
   */
  public static OptionalDouble optionalNumber(JsonNode node) {
    return node.isNumber() ? OptionalDouble.of(node.doubleValue()) : OptionalDouble.empty();
  }

  /** Reads the value whose first token is the current one. */
  private static JsonNode read(JsonParser parser) throws IOException {
    return switch (parser.currentToken()) {
      case START_OBJECT -> {
        ObjectNode object = NODES.objectNode();
        while (parser.nextToken() != JsonToken.END_OBJECT) {
          String name = parser.currentName();
          parser.nextToken();
          object.set(name, read(parser));
        }
        yield object;
      }
      case START_ARRAY -> {
        ArrayNode array = NODES.arrayNode();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
          array.add(read(parser));
        }
        yield array;
      }
      case VALUE_STRING -> NODES.textNode(parser.getText());
      case VALUE_NUMBER_INT ->
          parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER
              ? NODES.numberNode(parser.getBigIntegerValue())
              : NODES.numberNode(parser.getLongValue());
      case VALUE_NUMBER_FLOAT -> NODES.numberNode(parser.getDoubleValue());
      case VALUE_TRUE, VALUE_FALSE -> NODES.booleanNode(parser.getBooleanValue());
      case VALUE_NULL -> NODES.nullNode();
      default -> throw new IllegalStateException(parser.currentToken().toString());
    };
  }

  private static void write(JsonNode value, JsonGenerator generator) throws IOException {
    switch (value.getNodeType()) {
      case OBJECT -> {
        generator.writeStartObject();
        for (Map.Entry<String, JsonNode> property : value.properties()) {
          generator.writeFieldName(property.getKey());
          write(property.getValue(), generator);
        }
        generator.writeEndObject();
      }
      case ARRAY -> {
        generator.writeStartArray();
        for (JsonNode element : value) {
          write(element, generator);
        }
        generator.writeEndArray();
      }
      case STRING -> generator.writeString(value.textValue());
      case NUMBER -> {
        if (value.isBigInteger()) {
          generator.writeNumber(value.bigIntegerValue());
        } else if (value.isIntegralNumber()) {
          generator.writeNumber(value.longValue());
        } else {
          generator.writeNumber(value.doubleValue());
        }
      }
      case BOOLEAN -> generator.writeBoolean(value.booleanValue());
      case NULL -> generator.writeNull();
      default -> throw new IllegalArgumentException(value.getNodeType().toString());
    }
  }
}
