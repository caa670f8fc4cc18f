package io.github.oft4j;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.oft4j.internal.Json;
import java.util.List;

/**
 * The modules of a model, and what else {@link OFTConfig#match} may know of it.
 *
 * @param layers in the order of PyTorch's {@code named_modules()}
 * @param modelType {@code model_type} of the model's {@code config.json}, which picks default
 *     targets; null where unknown
 * @param outputEmbedding the head, which {@code all-linear} leaves out of a pretrained model; null
 *     where there is none
 * @param isPretrainedModel whether it is a model of transformers
 */
public record ModelLayers(
    List<Layer> layers, String modelType, String outputEmbedding, boolean isPretrainedModel) {

  /**
   * A module.
   *
   * @param name dotted path, unique
   * @param kind what it is
   * @param className for messages; may be empty
   */
  public record Layer(String name, LayerKind kind, String className) {
    /**
     * A module whose class does not matter.
     *
     * @param name dotted path, unique
     * @param kind what it is
     */
    public Layer(String name, LayerKind kind) {
      this(name, kind, "");
    }
  }

  /** Copies the list. */
  public ModelLayers {
    layers = List.copyOf(layers);
  }

  /**
   * Modules of a model of which nothing else is known.
   *
   * @param layers in the order of PyTorch's {@code named_modules()}
   */
  public ModelLayers(List<Layer> layers) {
    this(layers, null, null, false);
  }

  String json() {
    ObjectNode json = Json.object();
    var array = json.putArray("layers");
    for (Layer layer : layers) {
      array
          .addObject()
          .put("name", layer.name())
          .put("kind", layer.kind().jsonName())
          .put("class_name", layer.className());
    }
    if (modelType != null) {
      json.put("model_type", modelType);
    }
    if (outputEmbedding != null) {
      json.put("output_embedding", outputEmbedding);
    }
    json.put("is_pretrained_model", isPretrainedModel);
    return Json.text(json);
  }
}
