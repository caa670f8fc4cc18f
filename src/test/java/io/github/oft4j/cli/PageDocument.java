package io.github.oft4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.StringReader;
import java.util.List;
import java.util.stream.IntStream;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.xpath.XPathConstants;
import javax.xml.xpath.XPathExpressionException;
import javax.xml.xpath.XPathFactory;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;
import org.xml.sax.InputSource;

/** A page of ours, which is XML but for elements without an end, styles and scripts. */
final class PageDocument {
  private final Document document;

  PageDocument(String html) throws Exception {
    String xml =
        html.replaceFirst("(?i)^<!DOCTYPE html>", "")
            .replaceAll("<(meta|wbr|input)\\b([^>]*)>", "<$1$2/>")
            .replaceAll("(?s)<(style|script)>.*?</\\1>", "<$1/>");
    document =
        DocumentBuilderFactory.newInstance()
            .newDocumentBuilder()
            .parse(new InputSource(new StringReader(xml)));
  }

  List<Element> all(String path) throws XPathExpressionException {
    var nodes =
        (NodeList)
            XPathFactory.newInstance().newXPath().evaluate(path, document, XPathConstants.NODESET);
    return IntStream.range(0, nodes.getLength()).mapToObj(i -> (Element) nodes.item(i)).toList();
  }

  Element one(String path) throws XPathExpressionException {
    List<Element> found = all(path);
    assertEquals(1, found.size(), path);
    return found.getFirst();
  }

  List<String> texts(String path) throws XPathExpressionException {
    return all(path).stream().map(Element::getTextContent).toList();
  }

  String text(String path) throws XPathExpressionException {
    return one(path).getTextContent();
  }
}
